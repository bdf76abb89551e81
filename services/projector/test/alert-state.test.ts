import type { Deaths } from '@waybill/projections'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type AlertState,
  beginningAt,
  dueAt,
  groupsMax,
  nextTurn,
  noted,
  settled,
  turned,
} from '../src/alerts/state.ts'

const coolDownMs = 1000
const policy = { coolDownMs, targets: ['webhook'] } as const

let dispatches = 0
const died = (fingerprint: string, entries: number, at: number): Deaths => ({
  fingerprint,
  app: 'shop',
  binding: 'charge@v1',
  class: 'handler',
  reason: 'permanent',
  top: 'no account',
  entries,
  firstAt: at,
  lastAt: at,
  example: `1-0-${(dispatches += 1)}`,
})

const moment = fc.record({
  afterMs: fc.nat(700),
  group: fc.constantFrom('a', 'b', 'c'),
  entries: fc.nat(3),
  arrives: fc.boolean(),
})

test('11 alerts: whatever dies is told of once, and no group twice within its cool-down', () => {
  fc.assert(
    fc.property(fc.array(moment, { maxLength: 40 }), (moments) => {
      let state: AlertState = beginningAt('2026', 0)
      let now = 10_000
      let dead = 0
      const told = new Map<string, { entries: number; fingerprint: string; at: number }>()
      const turn = (arrives: boolean): void => {
        state = turned(state, now, policy)
        const due = dueAt(state, now, 10)
        for (const { notice } of due) told.set(notice.id, notice)
        state = settled(
          state,
          due.map((one) => ({ ...one, ok: arrives })),
          now,
        ).state
      }
      for (const { afterMs, group, entries, arrives } of moments) {
        now += afterMs
        dead += entries
        // Cool-downs end before what comes now is counted: it is held back by the next one.
        state = turned(state, now, policy)
        const deaths = entries === 0 ? [] : [died(group, entries, now)]
        state = noted(state, { deaths, seq: state.seq + 1 }).state
        turn(arrives)
      }
      for (let next = nextTurn(state); next < Infinity; next = nextTurn(state)) {
        now = Math.max(now, next)
        turn(true)
      }
      const notices = [...told.values()]
      expect(notices.reduce((sum, { entries }) => sum + entries, 0)).toBe(dead)
      for (const fingerprint of ['a', 'b', 'c']) {
        const times = notices.filter((one) => one.fingerprint === fingerprint).map(({ at }) => at)
        for (const [n, at] of times.entries()) {
          if (n > 0) expect(at - (times[n - 1] ?? 0)).toBeGreaterThanOrEqual(coolDownMs)
        }
      }
      expect(state.groups).toEqual([])
    }),
    { numRuns: 500 },
  )
})

test('11 alerts: more groups at once than there is room for are counted, not told of', () => {
  const deaths = Array.from({ length: groupsMax + 3 }, (_, n) => died(`g${n}`, 2, 1))
  const { state, left } = noted(beginningAt('2026', 0), { deaths, seq: 7 })
  expect(state).toMatchObject({ seq: 7, groups: { length: groupsMax } })
  expect(left).toBe(6)
})

test('11 alerts: what does not arrive is tried ten times, later each time, and then given up', () => {
  const one = [died('a', 1, 5)]
  let state = turned(noted(beginningAt('2026', 0), { deaths: one, seq: 1 }).state, 0, policy)
  const at: number[] = []
  let now = 0
  for (;;) {
    now = nextTurn(state)
    at.push(now)
    const [due] = dueAt(state, now, 1)
    if (!due) throw new Error('nothing is due')
    const after = settled(state, [{ ...due, ok: false }], now)
    state = after.state
    if (after.givenUp.length > 0) break
  }
  const seconds = at.map((ms) => ms / 1000)
  expect(seconds).toEqual([0, 1, 4, 13, 40, 121, 364, 664, 964, 1264])
  expect(dueAt(state, now + 3_600_000, 1)).toEqual([])
})
