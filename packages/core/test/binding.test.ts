import { describe, expect, test } from 'vitest'
import {
  bindingKey,
  defaultTimeouts,
  definitionHash,
  manifest,
  predicate,
  type Manifest,
} from '../src/binding.ts'
import { sha256 as hash } from './sha256.ts'

const code = 'a'.repeat(32)
const base: Manifest = {
  v: 1,
  id: 'label',
  version: 2,
  hash: '0'.repeat(32),
  on: ['issue.*'],
  retry: { kind: 'immediate', maxAttempts: 3, jitter: 'none' },
  timeouts: defaultTimeouts,
  priority: 'normal',
  tier: 'act_auto',
  onPermanentError: 'dlq',
  maxChainDepth: 16,
  poisonMax: 3,
  handler: { kind: 'local', code, isolate: false },
}
const accepts = (change: object): boolean => manifest.safeParse({ ...base, ...change }).success

test('the key names the version', () => {
  expect(bindingKey(base)).toBe('label@v2')
})

test('the default timeouts are rules 2.2 and 3.5', () => {
  expect(defaultTimeouts).toEqual({
    attemptMs: 30_000,
    scheduleToCloseMs: 2_592_000_000,
    predicateMs: 30_000,
    versionWaitMs: 86_400_000,
  })
})

test('the hash of a definition covers all that it does, and not its version', () => {
  const of = (change: Partial<Manifest>): string => definitionHash(hash, { ...base, ...change })
  expect(of({})).toMatch(/^[0-9a-f]{32}$/)
  expect(of({ version: 9, hash: 'f'.repeat(32) })).toBe(of({}))
  const others: Partial<Manifest>[] = [
    { id: 'other' },
    { on: ['issue.opened'] },
    { when: { kind: 'cel', text: 'true' } },
    { retry: { kind: 'immediate', maxAttempts: 4, jitter: 'none' } },
    { timeouts: { ...defaultTimeouts, attemptMs: 1 } },
    { maxChainDepth: 1 },
    { handler: { kind: 'local', code: 'b'.repeat(32), isolate: false } },
  ]
  expect(new Set([of({}), ...others.map(of)]).size).toBe(1 + others.length)
})

describe('a manifest', () => {
  test('is taken with each kind of what it may say, and comes back equal', () => {
    const cel = { kind: 'cel', text: 'event.data.x > 1' } as const
    const fn = { kind: 'function', code, async: true } as const
    for (const change of [
      {},
      { when: cel, key: fn },
      { when: fn, key: cel, input: { title: 'event.data.title' } },
      { timeouts: { ...defaultTimeouts, scheduleToStartMs: 1 } },
      ...['critical', 'high', 'normal', 'low'].map((priority) => ({ priority })),
      ...['shadow', 'suggest', 'act_with_approval', 'act_auto'].map((tier) => ({ tier })),
      ...['dlq', 'fail'].map((onPermanentError) => ({ onPermanentError })),
      { on: Array.from({ length: 64 }, (_, at) => `t${at}`) },
      { maxChainDepth: 64, poisonMax: 10 },
    ]) {
      expect(manifest.parse({ ...base, ...change })).toEqual({ ...base, ...change })
    }
  })

  test.each(['>', '*', 'a', 'a.b', 'a.*', '*.b', 'a.*.>', 'a.>', 'A-b_9.*.c'])(
    'may listen to %s',
    (on) => expect(accepts({ on: [on] })).toBe(true),
  )

  test.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '>.a',
    'a.>.b',
    'a*',
    '*a',
    'a b',
    '>>',
    'a.>>',
    'é',
    'a>',
    '\n>',
    '>\n',
    'a\n',
    'a.b*',
  ])('may not listen to %j', (on) => {
    expect(accepts({ on: [on] })).toBe(false)
    expect(manifest.safeParse({ ...base, on: [on] }).error?.issues[0]?.message).toBe(
      'an event type, or a pattern of dot-separated tokens with * (one token) or a final >',
    )
  })

  test.each([
    { on: [] },
    { on: Array.from({ length: 65 }, (_, at) => `t${at}`) },
    { hash: `${'0'.repeat(32)}0` },
    { hash: 'g'.repeat(32) },
    { hash: `0${'0'.repeat(32)}` },
    { hash: `${'0'.repeat(31)}` },
    { version: 0 },
    { maxChainDepth: 65 },
    { maxChainDepth: 0 },
    { poisonMax: 11 },
    { poisonMax: 0 },
    { timeouts: { ...defaultTimeouts, attemptMs: 0 } },
    { timeouts: { ...defaultTimeouts, attemptMs: 30 * 24 * 3_600_000 + 1 } },
    { input: { title: 'x'.repeat(1025) } },
    { more: 1 },
  ])('with %j is refused', (change) => expect(accepts(change)).toBe(false))

  test('whose predicate is empty or endless is refused', () => {
    for (const text of ['', 'x'.repeat(4097)]) {
      expect(predicate.safeParse({ kind: 'cel', text }).success).toBe(false)
    }
    expect(predicate.safeParse({ kind: 'cel', text: 'x'.repeat(4096) }).success).toBe(true)
  })
})
