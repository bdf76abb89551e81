import fc from 'fast-check'
import type { Plain } from '../src/codec.ts'

/** Any plain value, with the awkward corners more often than chance would have them. */
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    'a',
    '\u0000',
    'é',
    '€',
    '𝒳',
    '\ue000',
    'x'.repeat(31),
    'x'.repeat(32),
    'x'.repeat(256),
  ),
)

const key = fc
  .oneof(
    text,
    fc.constantFrom('id', 'kind', 'at', '10', '9', '-1', 'toString', '\ud83d\ude00', '\uffff'),
  )
  .filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name))

const edges = [0, 5, 7, 8, 15, 16, 31, 32, 52, 53].flatMap((bits) => [
  2 ** bits - 1,
  2 ** bits,
  2 ** bits + 1,
])

const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -200, max: 70_000 }),
  fc.constantFrom(...edges, ...edges.map((edge) => -edge)).filter(Number.isSafeInteger),
  fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
  fc.constantFrom(0, 0.1, -0.5, 5e-324, 1_763_690_400_123),
)

export const plain: fc.Arbitrary<Plain> = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    number.map((value) => value + 0), // 0 for -0, which has no bytes of its own
    text,
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc
      .uniqueArray(fc.tuple(key, tie('value')), { maxLength: 20, selector: ([name]) => name })
      .map(record),
  ),
})).value

function record(fields: readonly (readonly [string, Plain])[]): Plain {
  return Object.fromEntries(fields)
}
