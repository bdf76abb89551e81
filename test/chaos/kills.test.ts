import { expect, test } from 'vitest'
import { runScenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'

/** A small share of `npm run chaos`, with real processes. */
test.each([
  ['kill-dispatcher', 5],
  ['kill-nats', 2],
] as const)(
  '%s, %i rounds: what was acknowledged comes to one end each',
  async (name, rounds) => {
    const scenario = scenarios[name]
    if (!scenario) throw new Error(`there is no ${name}`)
    const { report, problems } = await runScenario(name, scenario, rounds)
    expect(problems).toEqual([])
    expect(report).toMatchObject({ lost: 0, doubled: 0 })
    expect(report.acknowledged).toBeGreaterThan(50)
  },
  120_000,
)
