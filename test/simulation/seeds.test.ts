import { expect, test } from 'vitest'
import { drawOptions } from './options.ts'
import { simulate } from './simulation.ts'

const seeds = 300

test(`${seeds} seeds break nothing, and most of what they start succeeds`, async () => {
  const ends: Record<string, number> = {}
  for (let seed = 0; seed < seeds; seed++) {
    const outcome = await simulate(drawOptions(seed))
    expect(outcome.violations, `seed ${seed}`).toEqual([])
    for (const [state, count] of Object.entries(outcome.ends)) {
      ends[state] = (ends[state] ?? 0) + count
    }
  }
  const started = Object.values(ends).reduce((sum, count) => sum + count, 0)
  expect((ends['succeeded'] ?? 0) / started).toBeGreaterThan(0.5)
}, 60_000)
