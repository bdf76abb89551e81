import { decode as libraryDecode, Encoder } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CodecError, decode, encode, equalBytes, type Plain } from '../src/codec.ts'
import { addChild, createShapeTree, knownChild } from '../src/codec/shape.ts'
import { plain } from './plain.ts'
import { tries } from './tries.ts'

const library = new Encoder({ sortKeys: true, ignoreUndefined: true })
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The memo of shapes and the shared buffers must never show. */

describe('encode takes', () => {
  test('-0 as 0: one value, one spelling', () => {
    expect(hex(encode(-0))).toBe('00')
    expect(hex(encode([-0, 0]))).toBe('920000')
  })

  test('objects without a prototype, Buffers, frozen and repeated values', () => {
    const shared = Object.freeze({ x: 1 })
    const bare = Object.assign(Object.create(null), { b: Buffer.from('hi'), a: [shared, shared] })
    expect(decode(encode(bare))).toEqual({ a: [{ x: 1 }, { x: 1 }], b: new Uint8Array([104, 105]) })
  })

  test('own fields only, whatever somebody did to Object.prototype', () => {
    encode({ a: 1, b: 2 })
    Object.defineProperty(Object.prototype, 'b', { value: 2, enumerable: true, configurable: true })
    const bytes = encode({ a: 1 })
    Reflect.deleteProperty(Object.prototype, 'b')
    expect(hex(bytes)).toBe('81a16101')
  })

  test('a list that grows while it is read, as it was at first', () => {
    const list: unknown[] = []
    list.push({
      get a() {
        list.push(2)
        return 1
      },
    })
    expect(decode(encode(list))).toEqual([{ a: 1 }])
  })
})

describe('limits', () => {
  const nested = (depth: number): Plain =>
    depth === 0 ? 1 : depth % 2 ? [nested(depth - 1)] : { a: nested(depth - 1) }
  const fits: [string, Plain, object, object][] = [
    ['depth', nested(64), {}, { depthMax: 63 }],
    ['bytes', 'x'.repeat(2 ** 20 - 5), {}, { bytesMax: 2 ** 20 - 1 }],
    ['nodes', [1, [2, 3]], { nodesMax: 5 }, { nodesMax: 4 }],
    ['keys', { a: { b: 1 }, c: 2 }, { keysMax: 3 }, { keysMax: 2 }],
    ['a small size', { a: 'abc' }, { bytesMax: 7 }, { bytesMax: 6 }],
  ]
  test.each(fits)('%s: exactly, on both sides', (_name, value, enough, tooFew) => {
    const bytes = encode(value, enough)
    expect(decode(bytes, enough)).toEqual(value)
    expect(() => encode(value, tooFew)).toThrow(CodecError)
    expect(() => decode(bytes, tooFew)).toThrow(CodecError)
  })

  test('defaults: 1 MiB, 64 levels, 100,000 values', () => {
    expect(() => encode('x'.repeat(2 ** 20))).toThrow(/codec\.size/)
    expect(() => encode(nested(65))).toThrow(/codec\.depth/)
    expect(() => encode(Array.from({ length: 100_000 }, () => 0))).toThrow(/codec\.count/)
    expect(encode(Array.from({ length: 99_999 }, () => 0))).toHaveLength(99_999 + 5)
  })

  test('a bundle may be larger', () => {
    const bundle = Array.from({ length: 6 }, () => new Uint8Array(2 ** 20))
    expect(
      decode(encode(bundle, { bytesMax: 8 * 2 ** 20 }), { bytesMax: 8 * 2 ** 20 }),
    ).toHaveLength(6)
  })
})

function shuffled(value: Plain, dice: IterableIterator<number>): Plain {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, dice))
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
  const rolled = Object.keys(value).map((name) => ({ name, roll: dice.next().value as number }))
  rolled.sort((a, b) => a.roll - b.roll)
  return Object.fromEntries(rolled.map(({ name }) => [name, shuffled(value[name] as Plain, dice)]))
}

describe('laws', () => {
  test('what is encoded comes back equal, and encodes to the same bytes again', () => {
    fc.assert(
      fc.property(plain, (value) => {
        const bytes = encode(value)
        expect(decode(bytes)).toEqual(value)
        expect(hex(encode(decode(bytes)))).toBe(hex(bytes))
      }),
      tries(2000),
    )
  })

  test('the reference library writes the same bytes and reads them the same', () => {
    fc.assert(
      fc.property(plain, (value) => {
        const bytes = encode(value)
        expect(hex(bytes)).toBe(hex(library.encode(value)))
        expect(decode(bytes)).toEqual(libraryDecode(bytes))
      }),
      tries(2000),
    )
  })

  test('the order in which fields were written leaves no trace', () => {
    fc.assert(
      fc.property(plain, fc.infiniteStream(fc.nat(1000)), (value, dice) => {
        expect(hex(encode(shuffled(value, dice)))).toBe(hex(encode(value)))
      }),
    )
  })

  test('undefined fields are absent ones', () => {
    fc.assert(
      fc.property(plain, fc.nat(1000), (value, place) => {
        const wide = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`w${i}`, i]))
        const padding = { a: undefined, [`f${place}`]: undefined, z: undefined }
        expect(hex(encode({ ...padding, value }))).toBe(hex(encode({ value })))
        expect(hex(encode({ ...padding, ...wide, value }))).toBe(hex(encode({ ...wide, value })))
      }),
    )
  })

  test('equalBytes is equality', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(equalBytes(a, b)).toBe(hex(a) === hex(b))
        expect(equalBytes(a, a.slice())).toBe(true)
      }),
    )
  })
})

describe('memory', () => {
  test('has an end', () => {
    const tree = createShapeTree()
    for (let i = 0; i < 20_000; i++) addChild(tree, tree.root, `k${i}`, new Uint8Array(0))
    expect(tree.root.others?.size).toBeLessThanOrEqual(4096)
    expect(knownChild(tree.root, 'k19999')?.key).toBe('k19999')
    expect(knownChild(tree.root, 'k0')).toBeUndefined()
  })

  test('more shapes than are remembered, wide maps between them', () => {
    for (let i = 0; i < 12_000; i++) {
      const wide =
        i % 500 === 0
          ? Object.fromEntries(
              Array.from({ length: 60 }, (_, k) => [`w${(k * 7919 + i) % 10_007}`, k]),
            )
          : {}
      const value = {
        ...wide,
        kind: i % 3,
        [`data-${i}`]: { z: i, [`inner-${i % 5000}`]: [{ b: 1, a: i }] },
        at: i,
      }
      const bytes = encode(value)
      expect(equalBytes(bytes, library.encode(value))).toBe(true)
      expect(decode(bytes)).toEqual(value)
    }
  })

  test('bytes handed out stay as they were', () => {
    const values = Array.from({ length: 500 }, (_, i) => ({ i, text: 'x'.repeat(i * 7) }))
    const kept = values.map((value) => encode(value))
    kept.forEach((bytes, i) => expect(decode(bytes)).toEqual(values[i]))
  })

  test('a refusal in the middle leaves nothing behind', () => {
    const value = { b: [1, { c: 'x' }], a: { d: null } }
    const before = hex(encode(value))
    expect(() => encode({ z: 1, y: { x: [1, { w: 1, v: Number.NaN }] } })).toThrow(CodecError)
    expect(() => decode(Uint8Array.of(0x82, 0xa1, 0x61, 0x92, 0x01, 0xc1))).toThrow(CodecError)
    expect(hex(encode(value))).toBe(before)
    expect(decode(encode(value))).toEqual(value)
  })

  test('bin is a view into the input, as a plain Uint8Array', () => {
    const bytes = Buffer.from(encode({ bin: Uint8Array.of(1, 2, 3) }))
    const { bin } = decode(bytes) as { bin: Uint8Array }
    expect(Object.getPrototypeOf(bin)).toBe(Uint8Array.prototype)
    expect(bin.buffer).toBe(bytes.buffer)
    expect([...bin]).toEqual([1, 2, 3])
  })

  test('decoded maps are fresh, plain and writable', () => {
    const bytes = encode({ a: { b: [] } })
    const first = decode(bytes) as { a: { b: Plain[] } }
    first.a.b.push(1)
    expect(decode(bytes)).toEqual({ a: { b: [] } })
    expect(Object.getPrototypeOf(first)).toBe(Object.prototype)
  })
})
