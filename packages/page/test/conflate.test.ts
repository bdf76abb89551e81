import fc from 'fast-check'
import { expect, test } from 'vitest'
import { conflate, createRate, type LiveStep, paceMs } from '../src/live/conflate.ts'

const stepOf = (dispatch: number, index: number): LiveStep => ({
  dispatch: `1-0-${dispatch}`,
  index,
  from: index === 0 ? null : 'attempting',
  to: 'attempting',
  at: index,
  event: 'x',
  type: 't',
  binding: 'b@v1',
  attempt: 1,
  app: 'a',
  slot: 0,
  seq: index + 1,
})

/** Each dispatch's steps in order, mixed with those of the others. */
const steps = fc.array(fc.nat(5), { maxLength: 60 }).map((dispatches) => {
  const next = new Map<number, number>()
  return dispatches.map((one) => {
    const index = next.get(one) ?? 0
    next.set(one, index + 1)
    return stepOf(one, index)
  })
})

test('the last step of each dispatch is kept, nothing else, and all others are counted', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const { steps: kept, folded } = conflate(all)
      expect(kept.length + folded).toBe(all.length)
      for (const one of kept) {
        const mine = all.filter(({ dispatch }) => dispatch === one.dispatch)
        expect(one.index).toBe(mine.at(-1)?.index)
        expect(one.from === null).toBe(mine.some(({ from }) => from === null))
      }
      expect(new Set(kept.map(({ dispatch }) => dispatch)).size).toBe(kept.length)
    }),
  )
})

test('600 a second are drawn as they come, more than that ten times a second', () => {
  expect(paceMs(600)).toBe(0)
  expect(paceMs(601)).toBe(100)
})

test('a rate forgets what is older than a second', () => {
  const rate = createRate()
  for (let ms = 0; ms < 1000; ms += 10) rate.add(2, 5000 + ms)
  expect(rate.perSecond(5999)).toBe(200)
  expect(rate.perSecond(6499)).toBe(100)
  expect(rate.perSecond(8000)).toBe(0)
})
