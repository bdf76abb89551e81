import { expect, test } from 'vitest'
import { runScenario } from './scenario.ts'
import { killDispatcher } from './scenario/kill-dispatcher.ts'
import { killNats } from './scenario/kill-nats.ts'

/** A small share of `npm run chaos`, with real processes. */
test.each([
  ['kill-dispatcher', killDispatcher, 20],
  ['kill-nats', killNats, 5],
] as const)(
  '%s: what was acknowledged comes to one end each',
  async (name, scenario, rounds) => {
    const { report, problems } = await runScenario(name, scenario, rounds)
    expect(problems).toEqual([])
    expect(report).toMatchObject({ lost: 0, doubled: 0 })
    expect(report.acknowledged).toBeGreaterThan(50)
  },
  240_000,
)
