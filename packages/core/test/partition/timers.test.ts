import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  compact,
  createTimers,
  peek,
  pop,
  schedule,
  type Timer,
  type Timers,
} from '../../src/partition/timers.ts'

const timer = fc.record({ at: fc.nat(20), id: fc.constantFrom('a', 'b', 'c', 'B', '10', '9') })
const before = (a: Timer, b: Timer): number =>
  a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

function heapOf(list: readonly Timer[]): Timers {
  const timers = createTimers()
  for (const { at, id } of list) schedule(timers, at, id)
  return timers
}

function drain(timers: Timers): Timer[] {
  const fired: Timer[] = []
  for (let next = pop(timers); next !== undefined; next = pop(timers)) fired.push(next)
  return fired
}

test('timers fire by time, then by id, whatever the order they were set in', () => {
  fc.assert(
    fc.property(fc.array(timer, { maxLength: 200 }), (list) => {
      expect(drain(heapOf(list))).toEqual(list.toSorted(before))
    }),
  )
})

test('setting and firing mixed agree with a sorted list', () => {
  fc.assert(
    fc.property(fc.array(fc.option(timer), { maxLength: 200 }), (steps) => {
      const timers = createTimers()
      let model: Timer[] = []
      for (const step of steps) {
        if (step) {
          schedule(timers, step.at, step.id)
          model = [...model, step].sort(before)
        } else {
          expect(peek(timers)).toEqual(model[0])
          expect(pop(timers)).toEqual(model.shift())
        }
        expect(timers.size).toBe(model.length)
      }
    }),
  )
})

test('compact keeps each live timer, once', () => {
  fc.assert(
    fc.property(fc.array(timer, { maxLength: 200 }), fc.nat(20), (list, threshold) => {
      const timers = heapOf(list)
      const isLive = (at: number, id: string): boolean => at > threshold || id === 'a'
      compact(timers, isLive)
      const live = list.filter(({ at, id }) => isLive(at, id)).sort(before)
      const once = live.filter((one, i) => i === 0 || before(live[i - 1] as Timer, one) !== 0)
      expect(timers.size).toBe(once.length)
      schedule(timers, 0, '')
      expect(drain(timers)).toEqual([{ at: 0, id: '' }, ...once])
    }),
  )
})

test('nothing is due where nothing is set', () => {
  const timers = createTimers()
  expect([peek(timers), pop(timers), timers.size]).toEqual([undefined, undefined, 0])
})
