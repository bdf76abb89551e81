import { expect, test } from 'vitest'
import { runScenario } from './scenario.ts'
import { cluster } from './scenario/cluster.ts'

/** One round of each of `npm run chaos -- cluster-kill cluster-pause cluster-partition`. */
test('three servers: a leader is killed, stopped and cut off, and each event comes to one end', async () => {
  const scenario = cluster('one round of each', ['kill', 'pause', 'partition'])
  const { report, problems } = await runScenario('cluster', scenario, scenario.rounds)
  expect(problems).toEqual([])
  expect(report).toMatchObject({ lost: 0, doubled: 0 })
  expect(report.acknowledged).toBeGreaterThan(100)
}, 240_000)
