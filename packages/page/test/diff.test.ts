import { expect, test } from 'vitest'
import { differences } from '../src/pages/dispatch/diff.ts'
import { linesOf, leadsTo, pathsWith } from '../src/ui/json-lines.ts'

test('differences are told leaf by leaf', () => {
  const before = { state: 'attempting', timers: { attempt: 5 }, held: [[0, 1]] }
  const after = {
    state: 'retryWait',
    timers: { retry: 9 },
    held: [
      [0, 1],
      [1, 1],
    ],
  }
  expect(differences(before, after)).toEqual([
    { path: 'state', before: 'attempting', after: 'retryWait' },
    { path: 'timers.attempt', before: 5, after: undefined },
    { path: 'timers.retry', before: undefined, after: 9 },
    { path: 'held[1]', before: undefined, after: [1, 1] },
  ])
  expect(differences(before, structuredClone(before))).toEqual([])
})

const value = { id: 'A1', 'odd key': [1, { deep: null }], none: {} }

test('a value is its lines, folded where it is asked to be', () => {
  expect(
    linesOf(value, (_path, depth) => depth === 0).map(({ path, text }) => [path, text]),
  ).toEqual([
    ['', '{'],
    ['id', '"A1"'],
    ['["odd key"]', '[…]'],
    ['none', '{}'],
    ['', '}'],
  ])
})

test('paths lead to where things are, and a search finds names and values', () => {
  const found = pathsWith(value, 'deep')
  expect([...found]).toEqual(['["odd key"][1].deep'])
  expect([...pathsWith(value, 'a1')]).toEqual(['id'])
  expect(leadsTo('["odd key"]', found)).toBe(true)
  expect(leadsTo('id', found)).toBe(false)
})
