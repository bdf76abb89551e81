import { expect, test } from 'vitest'
import { crashPoints } from './crash/points.ts'
import { runScenario } from './scenario.ts'
import { crashPointsAtOnce } from './scenario/crash-points.ts'

test('wherever a process ends, what was acknowledged comes to one end each', async () => {
  const { report, problems } = await runScenario('crash-points', crashPointsAtOnce, 1)
  expect(problems).toEqual([])
  expect(report).toMatchObject({ lost: 0, doubled: 0, reached: crashPoints.length })
}, 240_000)
