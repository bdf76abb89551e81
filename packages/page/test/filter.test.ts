import { dispatchState } from '@waybill/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { href } from '../src/base/route.ts'
import type { LiveStep } from '../src/live/conflate.ts'
import {
  type DispatchFilter,
  filterOf,
  fits,
  momentOf,
  requestOf,
  searchOf,
  views,
} from '../src/pages/dispatches/filter.ts'

const text = fc.option(fc.string({ minLength: 1 }), { nil: undefined })
const filter = fc
  .record({
    states: fc.subarray([...dispatchState.options]),
    binding: text,
    type: text,
    event: text,
    tenant: text,
    text,
    since: text,
    until: text,
  })
  .map((all) => JSON.parse(JSON.stringify(all)) as DispatchFilter)

test('a filter comes back whole from the address bar', () => {
  fc.assert(
    fc.property(filter, (one) => {
      const url = new URL(href('/dispatches', searchOf(one)), 'http://page')
      expect(filterOf(url.searchParams)).toEqual(one)
    }),
  )
})

test('every view comes back whole too', () => {
  for (const { filter: one } of views) {
    const url = new URL(href('/dispatches', searchOf(one)), 'http://page')
    expect(filterOf(url.searchParams)).toEqual(one)
  }
})

test('states that nobody knows are left out of an old link', () => {
  expect(filterOf(new URLSearchParams('state=dlq,gone&state=failed')).states).toEqual([
    'failed',
    'dlq',
  ])
})

test('lengths of time count back from now; what is neither that nor a date says nothing', () => {
  expect(momentOf('1h', 10_000_000)).toBe(10_000_000 - 3_600_000)
  expect(momentOf('2026-01-01T00:00:00Z', 0)).toBe(Date.UTC(2026, 0, 1))
  expect(momentOf('soon', 0)).toBeUndefined()
  expect(requestOf({ states: ['dlq'], until: '1s' }, 'shop', 5000)).toEqual({
    app: 'shop',
    state: ['dlq'],
    until: 4000,
  })
})

describe('what a live step says about the list', () => {
  const step: LiveStep = {
    dispatch: '1-0-a',
    index: 0,
    from: null,
    to: 'attempting',
    at: 0,
    event: 'dispatch.started',
    type: 'order.placed',
    binding: 'ship@v2',
    attempt: 1,
    app: 'shop',
    slot: 0,
    seq: 1,
  }
  test.each<[string, DispatchFilter, string | undefined, string]>([
    ['nothing asked', { states: [] }, undefined, 'yes'],
    ['its state', { states: ['attempting'] }, 'shop', 'yes'],
    ['another state', { states: ['dlq'] }, undefined, 'no'],
    ['another app', { states: [] }, 'other', 'no'],
    ['its binding, any version', { states: [], binding: 'ship' }, undefined, 'yes'],
    ['another version', { states: [], binding: 'ship@v1' }, undefined, 'no'],
    ['a binding that begins alike', { states: [], binding: 'shi' }, undefined, 'no'],
    ['a pattern of its type', { states: [], type: 'order.*' }, undefined, 'yes'],
    ['a pattern that needs more', { states: [], type: 'order.placed.>' }, undefined, 'no'],
    ['a text, which a step does not have', { states: [], text: 'x' }, undefined, 'maybe'],
  ])('%s', (_name, one, app, wanted) => {
    expect(fits(one, app, step)).toBe(wanted)
  })
})
