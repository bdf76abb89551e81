import { expect, test } from 'vitest'
import { doors } from './doors.ts'
import { fuzz } from './run.ts'

/** 100 ms is the promise, and the command measures it; on a loaded machine a pause is not the door's. */
const slowestMsMax = 1000

test('20,000 bad inputs: no door breaks, hangs or pollutes', { timeout: 60_000 }, async () => {
  const { failures, byDoor, inputs, slowestMs } = await fuzz(doors, { inputs: 20_000, seed: 1 })
  expect(failures).toEqual([])
  expect(inputs).toBe(20_000)
  expect(slowestMs).toBeLessThan(slowestMsMax)
  // A door that refuses everything was never entered, one that takes everything never tried.
  for (const [name, { accepted, refused }] of Object.entries(byDoor)) {
    if (name !== 'quarantine') expect.soft(accepted, name).toBeGreaterThan(0)
    if (name !== 'handler-throw') expect.soft(refused, name).toBeGreaterThan(0)
  }
})
