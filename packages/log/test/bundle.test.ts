import { encode } from '@waybill/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeBatch,
  decodeBundle,
  encodeBatch,
  encodeBundle,
  sha256,
  type BundleHeader,
} from '../src/index.ts'

const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const hex64 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((raw) => sha256.bytes(raw))
const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
const position = fc.record({ seq: fc.nat(), index: fc.nat(), hash: hex64 })
const items = fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 50 })

const header: fc.Arbitrary<BundleHeader> = fc.record(
  {
    v: fc.constant(1 as const),
    rules: seq,
    app: token,
    generation: seq,
    slot: fc.nat(1023),
    epoch: seq,
    number: seq,
    prev: hex64,
    instance: token,
    positions: fc.dictionary(fc.stringMatching(/^[A-Z_g1-9]{1,20}$/), position, { maxKeys: 4 }),
    checkpoint: fc.record({
      position: seq,
      number: fc.nat(),
      hash: hex64,
      snapshot: fc.string({ maxLength: 40, unit: 'grapheme' }),
    }),
  },
  {
    requiredKeys: [
      'v',
      'rules',
      'app',
      'generation',
      'slot',
      'epoch',
      'number',
      'instance',
      'positions',
    ],
  },
)

describe('a bundle', () => {
  test('comes back as it was, with the hash of its bytes', () => {
    fc.assert(
      fc.property(header, items, (head, entries) => {
        const bytes = encodeBundle(head, entries)
        const bundle = decodeBundle(sha256, bytes)
        expect(bundle.header).toEqual(head)
        expect(bundle.entries).toEqual(entries)
        expect(bundle.hash).toBe(sha256.bytes(bytes))
      }),
    )
  })

  test('has one form only', () => {
    fc.assert(
      fc.property(header, items, (head, entries) => {
        const reversed = Object.fromEntries(Object.entries(head).reverse()) as typeof head
        expect(encodeBundle(reversed, entries)).toEqual(encodeBundle(head, entries))
      }),
    )
  })

  test('changed in any one byte is refused or has another hash', () => {
    const place = fc.nat()
    const to = fc.integer({ min: 1, max: 255 })
    fc.assert(
      fc.property(header, items, place, to, (head, entries, at, by) => {
        const bytes = encodeBundle(head, entries)
        const { hash } = decodeBundle(sha256, bytes)
        const changed = Uint8Array.from(bytes)
        const index = at % changed.length
        changed[index] = (changed[index] ?? 0) ^ by
        const other = attempt(() => decodeBundle(sha256, changed).hash)
        expect(other).not.toBe(hash)
      }),
    )
  })

  test('of a version that does not exist yet is refused', () => {
    const [sample] = fc.sample(header, 1)
    expect(() => decodeBundle(sha256, encode({ ...sample, v: 2, entries: [] }))).toThrow()
  })
})

describe('a batch', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(items, (all) => {
        expect(decodeBatch(encodeBatch(all))).toEqual(all)
      }),
    )
  })

  test('is never empty', () => {
    expect(() => decodeBatch(encode({ v: 1, items: [] }))).toThrow()
  })
})

test('whatever else is read is refused, and with an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      for (const read of [decodeBatch, (raw: Uint8Array) => decodeBundle(sha256, raw)]) {
        expect(attempt(() => read(noise))).toBeInstanceOf(Error)
      }
    }),
    { numRuns: 500 },
  )
})

function attempt(work: () => unknown): unknown {
  try {
    return work()
  } catch (cause) {
    return cause
  }
}
