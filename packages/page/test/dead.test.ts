import { expect, test } from 'vitest'
import {
  commandFilter,
  deadReasons,
  filterOf,
  filterText,
  statusOf,
} from '../src/pages/dead/filter.ts'
import { deadReason } from '@waybill/core'
import { fits, aboutOf, filterOf as auditFilterOf } from '../src/pages/operations/audit.ts'
import type { Operation } from '@waybill/api'

const at = 1_000_000_000_000

test('every reason of the log can be chosen', () => {
  expect([...deadReasons].sort()).toEqual([...deadReason.options].sort())
})

test('a link says what is looked at, and a command means just that', () => {
  const search = new URLSearchParams('binding=book&reason=lost&q=503&since=1h&fingerprint=ab')
  const filter = filterOf(search)
  expect(commandFilter(filter, at)).toEqual({
    binding: 'book',
    reason: ['lost'],
    text: '503',
    fingerprint: 'ab',
    since: at - 3_600_000,
  })
  for (const said of ['book', 'lost', '503', '1h', 'ab']) expect(filterText(filter)).toContain(said)
})

test('what a link has wrong is left out of what is said as of what is done', () => {
  const filter = filterOf(new URLSearchParams('reason=because&since=soon&binding='))
  expect(commandFilter(filter, at)).toEqual({})
  expect(filter).toEqual({})
})

test('pending ones are shown unless another word is said', () => {
  expect(statusOf(new URLSearchParams())).toBe('pending')
  expect(statusOf(new URLSearchParams('status=discarded'))).toBe('discarded')
  expect(statusOf(new URLSearchParams('status=all'))).toBeUndefined()
  expect(statusOf(new URLSearchParams('status=gone'))).toBe('pending')
})

const operation: Operation = {
  id: 'op1',
  kind: 'redrive',
  app: 'shop',
  by: 'ada',
  reason: 'the bank is back',
  at,
  filter: { ids: ['1-0-a', '1-0-b'], version: 'active', before: { max: 1 } },
  state: 'done',
  total: 2,
  done: 2,
  declined: 0,
}

test('an audit line says in short what it acted on', () => {
  expect(aboutOf(operation)).toBe('2 ids, version active')
  expect(aboutOf({ filter: { limit: 'a/b', rule: { max: 4 } } })).toBe('limit a/b, rule {max:4}')
})

test('a cut-off is told as a time', () => {
  expect(aboutOf({ filter: { until: Date.UTC(2026, 10, 21) } })).toBe(
    'until 2026-11-21T00:00:00.000Z',
  )
})

test.each([
  ['', true],
  ['kind=redrive&by=ada', true],
  ['q=BANK', true],
  ['q=1-0-b', true],
  ['state=running', false],
  ['by=bob', false],
])('the audit filtered by %j', (search, isShown) => {
  expect(fits(auditFilterOf(new URLSearchParams(search)), operation)).toBe(isShown)
})
