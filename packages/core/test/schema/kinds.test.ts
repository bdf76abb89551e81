import { describe, expect, test } from 'vitest'
import {
  attemptError,
  cancelTarget,
  deadReason,
  decode,
  dispatchEvent,
  dispatchOrigin,
  dispatchRecord,
  dispatchState,
  effect,
  effectResult,
  encode,
  entry,
  fact,
  finalState,
  input,
  inputRef,
  isFinal,
  letter,
  letterAnswer,
  openState,
  outcome,
  rule,
  signature,
  verdict,
  waitReason,
} from '../../src/index.ts'
import * as examples from './examples.ts'
import { rules } from './shared.ts'

interface Schema {
  parse(value: unknown): unknown
  safeParse(value: unknown): { success: boolean }
}

const answers = [
  { kind: 'cancelled', dispatches: 1, more: false },
  { kind: 'refused', code: 'not_found', reason: 'why' },
]
const verdicts = ['matched', 'filtered', 'error', 'ask', 'unjudged'].map((result) => ({
  binding: 'label@v1',
  result,
}))

const all: readonly (readonly [string, Schema, readonly object[]])[] = [
  ['dispatch event', dispatchEvent, Object.values(examples.events)],
  ['effect', effect, Object.values(examples.effects)],
  ['rule', rule, Object.values(rules)],
  ['outcome', outcome, Object.values(examples.outcomes)],
  ['result', effectResult, Object.values(examples.results)],
  ['fact', fact, Object.values(examples.facts)],
  ['input', input, Object.values(examples.inputs)],
  ['record', dispatchRecord, [examples.record]],
  ['origin', dispatchOrigin, [examples.origin]],
  ['ref', inputRef, [examples.ref]],
  ['target', cancelTarget, Object.values(examples.targets)],
  ['letter', letter, examples.letters],
  ['answer', letterAnswer, answers],
  ['verdict', verdict, verdicts],
  ['signature', signature, examples.signatures],
]

describe.each(all)('%s', (_, schema, values) => {
  test('is understood whole, also after the way over the wire', () => {
    for (const value of values) {
      expect(schema.parse(value)).toEqual(value)
      expect(schema.parse(decode(encode(value)))).toEqual(value)
    }
  })

  test('of no known kind, or with a field that nobody knows, is refused', () => {
    for (const value of values) {
      expect(schema.safeParse({ ...value, unknown: 1 }).success).toBe(false)
      const tag = ['kind', 'type', 'status', 'state'].find((name) => name in value)
      for (const other of tag === undefined ? [] : ['', 'unknown']) {
        expect(schema.safeParse({ ...value, [tag ?? '']: other }).success).toBe(false)
      }
    }
  })

  test('whose fields are of another type is refused', () => {
    const refusals = values.flatMap((value) =>
      Object.keys(value)
        .filter((name) => !['output', 'body', 'reason'].includes(name))
        .map((name) => [name, schema.safeParse({ ...value, [name]: -1.5 }).success]),
    )
    expect(refusals.filter(([, taken]) => taken)).toEqual([])
  })
})

describe('the names', () => {
  test.each([
    ['open states', openState, 'received predicate flowGated attempting retryWait waiting'],
    ['final states', finalState, 'succeeded skipped failed cancelled superseded dlq'],
    ['waits', waitReason, 'approval budget signal task agent version'],
    [
      'dead reasons',
      deadReason,
      'retry_exhausted permanent circuit_open budget_exhausted loop poison expired denied lost',
    ],
    [
      'classes of errors',
      attemptError.shape.class,
      'permanent retryable timeout cancelled denied lost rate_limited',
    ],
    [
      'classes of causes',
      attemptError.shape.causeClass.unwrap(),
      'timeout auth upstream_5xx rate_limited budget predicate handler poison loop lost unknown',
    ],
  ] as const)('of %s are on disks, and stay', (_, schema, names) => {
    expect(schema.options).toEqual(names.split(' '))
  })

  test('of a state tell whether it is the end', () => {
    expect(dispatchState.options.filter(isFinal)).toEqual(finalState.options)
    expect(dispatchState.options.filter((state) => !isFinal(state))).toEqual(openState.options)
  })

  test('of timers, reasons and stages are all taken', () => {
    for (const timer of ['attempt', 'retry', 'wait', 'predicate', 'start', 'close']) {
      const event = { ...examples.events['timer.due'], timer }
      expect(dispatchEvent.parse(event)).toEqual(event)
    }
    for (const reason of ['timeout', 'cancelled', 'superseded', 'expired', 'parked']) {
      const one = { ...examples.effects.abortAttempt, reason }
      expect(effect.parse(one)).toEqual(one)
    }
    for (const stage of ['predicate', 'gate', 'paused']) {
      const one = { ...examples.outcomes.skipped, stage }
      expect(outcome.parse(one)).toEqual(one)
    }
  })
})

test('an entry holds them all', () => {
  const whole = {
    at: 1,
    input: examples.inputs.tick,
    facts: Object.values(examples.facts),
    effects: Object.values(examples.effects),
  }
  expect(entry.parse(decode(encode(whole)))).toEqual(whole)
  expect(entry.safeParse({ ...whole, more: 1 }).success).toBe(false)
})

test('lists in an entry have an end', () => {
  const many = (length: number) => Array.from({ length }, () => examples.id)
  const { succeeded, failed } = examples.results
  for (const result of [succeeded, failed]) {
    expect(effectResult.safeParse({ ...result, sent: many(1000) }).success).toBe(true)
    expect(effectResult.safeParse({ ...result, sent: many(1001) }).success).toBe(false)
  }
  const { change } = examples.inputs.def
  expect(
    input.safeParse({ ...examples.inputs.def, change: { ...change, active: many(1001) } }).success,
  ).toBe(false)
  expect(input.safeParse({ ...examples.inputs.epoch, hosts: many(10_001) }).success).toBe(false)
})
