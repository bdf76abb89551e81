import { patched, type Rule, type RuleKind } from '@waybill/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lengthText, numberText, patchOf, settable } from '../src/base/rule.ts'
import { parseDuration } from '../src/base/text.ts'

const rules: { readonly [K in RuleKind]: Extract<Rule, { kind: K }> } = {
  batch: { kind: 'batch', size: 10, timeoutMs: 500 },
  debounce: { kind: 'debounce', periodMs: 300, maxWaitMs: 2000 },
  rateLimit: { kind: 'rateLimit', max: 2, periodMs: 2000 },
  throttle: { kind: 'throttle', max: 1, periodMs: 2000 },
  singleton: { kind: 'singleton', mode: 'skip' },
  concurrency: { kind: 'concurrency', max: 6 },
  circuit: {
    kind: 'circuit',
    failures: 5,
    ratePercent: 50,
    rateMin: 10,
    windowMs: 60_000,
    openMs: 30_000,
    openMaxMs: 120_000,
    whenOpen: 'defer',
  },
}
const all = Object.values(rules)
const typedOf = (rule: Rule) =>
  Object.fromEntries(settable[rule.kind].map((name) => [name, numberText(rule, name)]))

test('what may be set is what the core lets be set, and all of it', () => {
  const names = new Set(all.flatMap(({ kind }) => settable[kind]))
  for (const rule of all) {
    const takes = [...names].filter((name) => patched(rule, { [name]: 1 }) !== undefined)
    expect(takes.sort(), rule.kind).toEqual([...settable[rule.kind]].sort())
  }
})

test('what is typed back as it stood changes nothing', () => {
  for (const rule of all) expect(patchOf(rule, typedOf(rule))).toEqual({ patch: {}, wrong: {} })
})

test('only what differs is sent', () => {
  const typed = { ...typedOf(rules.throttle), periodMs: '5s' }
  expect(patchOf(rules.throttle, typed)).toEqual({ patch: { periodMs: 5000 }, wrong: {} })
})

test.each(['', 'x', '0', '-1', '1.5', '1e400'])('%j is no count', (text) => {
  const { patch, wrong } = patchOf(rules.concurrency, { max: text })
  expect(patch).toEqual({})
  expect(Object.keys(wrong)).toEqual(['max'])
})

test('a length of time as text is the same length', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 * 86_400_000 }), (ms) => {
      expect(parseDuration(lengthText(ms))).toBe(ms)
    }),
  )
})
