import { expect, test } from 'vitest'
import { runScenario } from './scenario.ts'
import { corrupt } from './scenario/corrupt.ts'

test('an edit of stored bytes that changes what is read is found by verify', async () => {
  const { report, problems } = await runScenario('corrupt', corrupt, 10)
  expect(problems).toEqual([])
  expect(report).toMatchObject({ changed: 10, found: 10, byVerify: 10 })
}, 240_000)
