import { describe, expect, test } from 'vitest'
import { stretches } from '../src/pages/dispatch/stretches.ts'
import type { Step } from '../src/pages/dispatch/use-history.ts'

interface Made {
  readonly at: number
  readonly to: Step['transition']['to']
  readonly event?: unknown
  readonly record?: object
  readonly gates?: readonly object[]
  readonly input?: unknown
  readonly epoch?: number
}

/** What the page reads of a step; the rest is there in the real one, and nobody looks. */
const stepsOf = (...all: readonly Made[]): Step[] =>
  all.map(({ at, to, event, record, gates, input, epoch }, index) => {
    const made = {
      at,
      epoch: epoch ?? 1,
      input: input ?? { kind: 'tick' },
      gates: gates ?? [],
      effects: [],
      transition: {
        index,
        to,
        event: event ?? { type: 'timer.due', at },
        record: { timers: {}, attempt: 1, ...record },
      },
    }
    return made as unknown as Step
  })

const failed = (message: string) => ({
  type: 'attempt.failed',
  error: { class: 'retryable', name: 'Error', message },
})

describe('stretches', () => {
  test('there are no holes, and the last one goes on', () => {
    const all = stretches(
      stepsOf(
        { at: 100, to: 'flowGated' },
        { at: 150, to: 'attempting' },
        { at: 250, to: 'retryWait', event: failed('x'), record: { timers: { retry: 300 } } },
        { at: 300, to: 'attempting', record: { attempt: 2 } },
      ),
      90,
    )
    expect(all.map(({ from, to }) => [from, to])).toEqual([
      [90, 100],
      [100, 150],
      [150, 250],
      [250, 300],
      [300, undefined],
    ])
    for (const { reason } of all) expect(reason).not.toBe('')
  })

  test('a limit is named with its numbers, and what it said in the end', () => {
    const [held] = stretches(
      stepsOf(
        {
          at: 0,
          to: 'flowGated',
          record: {
            flow: { why: { gate: 'pay/rate/1f', numbers: { used: 5, max: 5, periodMs: 60_000 } } },
          },
        },
        { at: 12_000, to: 'attempting', gates: [{ result: 'granted', numbers: { used: 1 } }] },
      ),
    )
    expect(held).toMatchObject({
      title: 'held by pay/rate',
      reason: 'used 5, max 5, period 1 m; then granted (used 1)',
    })
  })

  test('an open circuit is told from a pause of our own', () => {
    const [circuit, pause] = stretches(
      stepsOf(
        {
          at: 0,
          to: 'retryWait',
          record: { flow: { why: { gate: 'pay/circuit/api', numbers: { failures: 5 } } } },
        },
        {
          at: 10,
          to: 'retryWait',
          record: {
            attempt: 1,
            timers: { retry: 110 },
            error: { class: 'timeout', name: 'TimeoutError' },
          },
        },
      ),
    )
    expect(circuit).toMatchObject({
      title: 'held by pay/circuit',
      reason: 'its circuit is open (failures 5)',
    })
    expect(pause).toMatchObject({
      title: 'pause before attempt 2',
      reason: 'backoff of 100 ms after timeout: TimeoutError',
    })
  })

  test('time after a timer was due is nobody’s pause: it says who was missing', () => {
    const all = stretches(
      stepsOf(
        { at: 0, to: 'retryWait', record: { timers: { retry: 100 } } },
        { at: 30_100, to: 'attempting', event: { type: 'timer.due' }, epoch: 2 },
      ),
    )
    expect(all.map(({ title, from, to }) => [title, from, to])).toEqual([
      ['pause before attempt 2', 0, 100],
      ['overdue', 100, 30_100],
      ['attempt 1', 30_100, undefined],
    ])
    expect(all[1]?.reason).toContain('no owner (epoch 1 → 2)')
  })

  test('an attempt says what it came to, and how much of it the handler took', () => {
    const [attempt] = stretches(
      stepsOf(
        { at: 0, to: 'attempting' },
        {
          at: 40,
          to: 'dlq',
          event: failed('no route'),
          input: { kind: 'result', result: { status: 'failed', ms: 6 } },
        },
      ),
    )
    expect(attempt?.reason).toBe('retryable: Error: no route; the handler ran 6 ms')
  })
})
