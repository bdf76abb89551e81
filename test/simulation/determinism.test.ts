import { describe, expect, test } from 'vitest'
import { drawOptions } from './options.ts'
import { simulate } from './simulation.ts'

describe('one seed is one run', () => {
  test('byte for byte, twice, whatever ran in between', async () => {
    const seeds = Array.from({ length: 12 }, (_, n) => 1000 + n)
    const first: string[] = []
    for (const seed of seeds) first.push((await simulate(drawOptions(seed))).digest)
    const second: string[] = []
    for (const seed of seeds.toReversed())
      second.unshift((await simulate(drawOptions(seed))).digest)
    expect(second).toEqual(first)
    expect(new Set(first).size).toBe(seeds.length)
  })

  test('and its option set is all there is to it', async () => {
    const printed = JSON.stringify(drawOptions(7))
    const { digest } = await simulate(JSON.parse(printed))
    expect(digest).toBe((await simulate(drawOptions(7))).digest)
  })
})
