import { expect, test } from 'vitest'
import { campaign, succeededShare } from './campaign.ts'

const seeds = 2000

test(`${seeds} seeds break nothing, and most of what they start succeeds`, async () => {
  const tally = await campaign(0, seeds)
  expect(tally.failed).toEqual([])
  expect(tally.seeds).toBe(seeds)
  expect(succeededShare(tally)).toBeGreaterThan(0.5)
}, 300_000)
