import { expect, test } from 'vitest'
import { added, noRows } from '../src/base/paged.ts'
import type { LiveStep } from '../src/live/conflate.ts'
import { keyOf, type Row, withSteps } from '../src/pages/dispatches/rows.ts'

const rowOf = (id: string, transitions = 1): Row => ({
  id,
  app: 'shop',
  binding: 'ship@v1',
  event: '1-0-e',
  type: 'order.placed',
  source: 's',
  tenant: 'default',
  state: 'attempting',
  attempt: 1,
  spent: 0,
  startedAt: 0,
  at: 0,
  transitions,
  root: '1-0-e',
  depth: 0,
})
const stepOf = (dispatch: string, index: number, to: LiveStep['to']): LiveStep => ({
  dispatch,
  index,
  from: 'attempting',
  to,
  at: 5,
  event: 'attempt.failed',
  type: 'order.placed',
  binding: 'ship@v1',
  attempt: 2,
  app: 'shop',
  slot: 0,
  seq: 9,
})

const three = added(noRows, [rowOf('a'), rowOf('b'), rowOf('c')], keyOf)

test('rows change where they are; the others are the same objects', () => {
  const after = withSteps(three, [stepOf('b', 1, 'dlq')], ({ to }) => to !== 'dlq')
  expect(after.all.map(({ id, state, gone }) => [id, state, gone])).toEqual([
    ['a', 'attempting', undefined],
    ['b', 'dlq', true],
    ['c', 'attempting', undefined],
  ])
  expect(after.all[0]).toBe(three.all[0])
})

test('a step that the row already knows changes nothing, nor does one of another dispatch', () => {
  expect(withSteps(three, [stepOf('b', 0, 'dlq'), stepOf('z', 4, 'dlq')], () => true)).toBe(three)
})

test('a row that comes again on the next page stays where it was', () => {
  const after = added(three, [rowOf('b', 9), rowOf('d')], keyOf)
  expect(after.all.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd'])
  expect(after.all[1]?.transitions).toBe(1)
})
