import { decode as libraryDecode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CodecError, type CodecErrorCode, decode, encode, equalBytes } from '../src/codec.ts'
import { plain } from './plain.ts'
import { tries } from './tries.ts'

/** The one law of foreign bytes: refused by name, or exactly what encode would have written. */
function holds(bytes: Uint8Array): 'accepted' | 'refused' {
  let value
  try {
    value = decode(bytes)
  } catch (error) {
    if (error instanceof CodecError && error.path.startsWith('byte ')) return 'refused'
    throw error
  }
  if (!equalBytes(encode(value), bytes))
    throw new Error(`two spellings: ${Buffer.from(bytes).toString('hex')}`)
  expect(value).toEqual(libraryDecode(bytes))
  return 'accepted'
}

describe('decode refuses', () => {
  const hex = (digits: string): Uint8Array =>
    Uint8Array.from(Buffer.from(digits.replaceAll(' ', ''), 'hex'))

  test.each<[string, string, CodecErrorCode]>([
    ['nothing', '', 'codec.end'],
    ['a byte too many', 'c0 c0', 'codec.end'],
    ['text that is cut off', 'a3 61 62', 'codec.end'],
    ['a float that is cut off', 'cb 3f f0', 'codec.end'],
    ['a map that is cut off', '81 a1 61', 'codec.end'],
    ['a list of 4 G', 'dd ff ff ff ff', 'codec.end'],
    ['a map of 4 G', 'df ff ff ff ff', 'codec.end'],
    ['text of 4 G', 'db ff ff ff ff 61', 'codec.end'],
    ['bin of 4 G', 'c6 ff ff ff ff 61', 'codec.end'],
    ['the byte that is never used', 'c1', 'codec.type'],
    ['ext 8', 'c7 01 05 00', 'codec.type'],
    ['fixext 1, a function to some', 'd4 00 00', 'codec.type'],
    ['a timestamp', 'd6 ff 00 00 00 00', 'codec.type'],
    ['a repeated key', '82 a1 61 01 a1 61 02', 'codec.key'],
    ['keys out of order', '82 a1 62 01 a1 61 02', 'codec.key'],
    ['a number as key', '81 01 01', 'codec.key'],
    ['nil as key', '81 c0 01', 'codec.key'],
    ['bin as key', '81 c4 01 61 01', 'codec.key'],
    ['__proto__', `81 a9 ${Buffer.from('__proto__').toString('hex')} 80`, 'codec.key'],
    ['constructor', `81 ab ${Buffer.from('constructor').toString('hex')} 80`, 'codec.key'],
    ['prototype', `81 a9 ${Buffer.from('prototype').toString('hex')} 80`, 'codec.key'],
    ['5 in two bytes', 'cc 05', 'codec.form'],
    ['255 in three', 'cd 00 ff', 'codec.form'],
    ['65,535 in five', 'ce 00 00 ff ff', 'codec.form'],
    ['2^32 - 1 in nine', 'cf 00 00 00 00 ff ff ff ff', 'codec.form'],
    ['5 as a signed byte', 'd0 05', 'codec.form'],
    ['-32 in two bytes', 'd0 e0', 'codec.form'],
    ['-128 in three', 'd1 ff 80', 'codec.form'],
    ['-32,768 in five', 'd2 ff ff 80 00', 'codec.form'],
    ['-2^31 in nine', 'd3 ff ff ff ff 80 00 00 00', 'codec.form'],
    ['2^53', 'cf 00 20 00 00 00 00 00 00', 'codec.number'],
    ['-2^53', 'd3 ff e0 00 00 00 00 00 00', 'codec.number'],
    ['2^64 - 1', 'cf ff ff ff ff ff ff ff ff', 'codec.number'],
    ['1 as a float', 'cb 3f f0 00 00 00 00 00 00', 'codec.form'],
    ['-0', 'cb 80 00 00 00 00 00 00 00', 'codec.form'],
    ['1e300 as a float', 'cb 7e 37 e4 3c 88 00 75 9c', 'codec.form'],
    ['NaN', 'cb 7f f8 00 00 00 00 00 00', 'codec.number'],
    ['Infinity', 'cb 7f f0 00 00 00 00 00 00', 'codec.number'],
    ['a 32-bit float', 'ca 3f 00 00 00', 'codec.form'],
    ['short text in two bytes of head', 'd9 01 61', 'codec.form'],
    ['short text in three', 'da 00 01 61', 'codec.form'],
    ['an empty list in three', 'dc 00 00', 'codec.form'],
    ['an empty map in five', 'df 00 00 00 00', 'codec.form'],
    ['short bin in three', 'c5 00 01 00', 'codec.form'],
    ['a stray continuation', 'a1 80', 'codec.text'],
    ['an overlong slash', 'a2 c0 af', 'codec.text'],
    ['an overlong euro', 'a4 f0 82 82 ac', 'codec.text'],
    ['a surrogate', 'a3 ed a0 80', 'codec.text'],
    ['beyond Unicode', 'a4 f4 90 80 80', 'codec.text'],
    ['half a character', 'a2 e2 82', 'codec.text'],
    ['ASCII where a continuation belongs', 'a2 c3 61', 'codec.text'],
  ])('%s', (_name, digits, code) => {
    try {
      decode(hex(digits))
    } catch (error) {
      expect((error as CodecError).code).toBe(code)
      return
    }
    expect.unreachable('it was not refused')
  })

  test('the same key twice, also when the first map taught it', () => {
    decode(hex('82 a1 61 01 a1 62 02'))
    expect(() => decode(hex('82 a1 62 01 a1 62 02'))).toThrow(CodecError)
    expect(() => decode(hex('82 a1 62 01 a1 61 02'))).toThrow(CodecError)
  })

  test('keys out of order in a map too wide for a shape', () => {
    const wide = encode(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${10 + i}`, i])))
    for (const [from, to] of [
      ['k11', 'k10'],
      ['k11', 'k00'],
    ] as const) {
      const bytes = wide.slice()
      bytes.set(Buffer.from(to), Buffer.from(bytes).indexOf(from))
      expect(() => decode(bytes)).toThrow(/codec\.key/)
    }
  })

  test('Latin-1 bytes, whatever text was read before', () => {
    for (let a = 0xa0; a < 0x100; a++) {
      for (let b = 0xa0; b < 0x100; b++) {
        decode(encode(String.fromCharCode(a, b)))
        // Two that are UTF-8 by chance begin with 0xc2 to 0xdf and go on below 0xc0.
        if (a >= 0xc2 && a < 0xe0 && b < 0xc0) continue
        expect(() => decode(Uint8Array.of(0xa2, a, b))).toThrow(/codec\.text/)
      }
    }
  })

  test('five million levels, at once', () => {
    const levels = new Uint8Array(5_000_000).fill(0x91)
    expect(() => decode(levels, { bytesMax: levels.length })).toThrow(/codec\.depth/)
    expect(() => decode(levels.subarray(0, 1000))).toThrow(/codec\.depth/)
  })

  test('nothing built for a length that cannot be true', () => {
    // Lists that each claim what is left: with room made in advance this would be gigabytes.
    const nested = Uint8Array.from({ length: 60_000 }, (_, i) => (i % 3 === 0 ? 0xdc : 0x40))
    expect(() => decode(nested)).toThrow(CodecError)
  })
})

describe('encode refuses', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = { cycle }
  const twice = (value: unknown, depth: number): unknown =>
    depth === 0 ? value : twice([value, value], depth - 1)
  const shouting = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no')
      },
    },
  )

  test.each<[string, unknown, string, string]>([
    ['undefined', undefined, 'codec.type', ''],
    ['undefined in a list', { a: [1, undefined] }, 'codec.type', 'a[1]'],
    ['a hole', { a: Object.assign([], { length: 3 }) }, 'codec.type', 'a[0]'],
    [
      'a function',
      { data: { items: [0, 1, 2, { price: () => 1 }] } },
      'codec.type',
      'data.items[3].price',
    ],
    ['a symbol', [Symbol('x')], 'codec.type', '[0]'],
    ['a bigint', { n: 1n }, 'codec.type', 'n'],
    ['a Map', { m: new Map([[1, 2]]) }, 'codec.type', 'm'],
    ['a Set', new Set(), 'codec.type', ''],
    ['a Date', { at: new Date(0) }, 'codec.type', 'at'],
    ['a RegExp', /x/, 'codec.type', ''],
    ['an Error', new Error('x'), 'codec.type', ''],
    ['a Promise', { p: Promise.resolve() }, 'codec.type', 'p'],
    ['a boxed number', Object(1), 'codec.type', ''],
    [
      'an instance',
      new (class Point {
        x = 1
      })(),
      'codec.type',
      '',
    ],
    ['a list of a class', new (class List extends Array {})(), 'codec.type', ''],
    ['another view', { v: new Uint16Array(2) }, 'codec.type', 'v'],
    ['an ArrayBuffer', new ArrayBuffer(2), 'codec.type', ''],
    ['NaN', { 'a b': Number.NaN }, 'codec.number', '["a b"]'],
    ['Infinity', [[Infinity]], 'codec.number', '[0][0]'],
    ['2^53', { n: 2 ** 53 }, 'codec.number', 'n'],
    ['-2^53', -(2 ** 53), 'codec.number', ''],
    ['1e300, an integer too', 1e300, 'codec.number', ''],
    ['a lone high surrogate', ['a\ud800b'], 'codec.text', '[0]'],
    ['a lone low surrogate', { t: '\udc00\ud800' }, 'codec.text', 't'],
    ['a lone surrogate in a key', { a: { ['\ud800']: 1 } }, 'codec.text', 'a["\\ud800"]'],
    ['__proto__', JSON.parse('{"a":{"__proto__":1}}'), 'codec.key', 'a.__proto__'],
    ['constructor', { constructor: 1 }, 'codec.key', 'constructor'],
    ['prototype', { a: [{ prototype: {} }] }, 'codec.key', 'a[0].prototype'],
    [
      'a wide map with a forbidden key',
      { ...Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`k${i}`, i])), constructor: 1 },
      'codec.key',
      'constructor',
    ],
    ['a cycle', cycle, 'codec.depth', `${'self.cycle.'.repeat(32).slice(0, -1)}`],
    ['what doubles at every level', twice(1, 40), 'codec.count', '[0]'.repeat(40)],
    ['a sparse list', { a: Object.assign([], { length: 4e9 }) }, 'codec.count', 'a'],
    [
      'a getter that throws',
      {
        a: {
          get b() {
            throw new Error('no')
          },
        },
      },
      'codec.type',
      'a',
    ],
    ['a proxy that throws', { a: [shouting] }, 'codec.type', 'a[0]'],
    [
      'a getter that encodes',
      {
        a: {
          get b() {
            return encode(1)
          },
        },
      },
      'codec.type',
      'a',
    ],
    ['too much text', { a: { t: 'x'.repeat(2 ** 20) } }, 'codec.size', ''],
  ])('%s', (_name, value, code, path) => {
    const error = refusalOf(() => encode(value))
    expect(error.code).toBe(code)
    if (code !== 'codec.size' && code !== 'codec.count') expect(error.path).toBe(path)
  })

  test('a path stays short and says where', () => {
    const error = refusalOf(() => encode({ ['k'.repeat(100_000)]: 1n }))
    expect(error.path.length).toBeLessThan(1000)
  })

  test('the cause of what threw is kept', () => {
    const cause = new Error('mine')
    expect(
      refusalOf(() =>
        encode({
          get a() {
            throw cause
          },
        }),
      ).cause,
    ).toBe(cause)
  })
})

function refusalOf(run: () => unknown): CodecError {
  try {
    run()
  } catch (error) {
    if (error instanceof CodecError) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe('any bytes', () => {
  test('random ones', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void holds(bytes)),
      tries(20_000),
    )
  })

  test('valid ones with a few bytes changed, cut, or moved', () => {
    const count = { accepted: 0, refused: 0 }
    const change = fc.tuple(
      fc.nat(),
      fc.oneof(fc.nat(255), fc.constantFrom(0xc1, 0xca, 0xcb, 0xd9, 0xdc, 0xde, 0xdf, 0xff)),
    )
    const runs = tries(20_000)
    fc.assert(
      fc.property(
        plain,
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.nat(30),
        (value, changes, cut) => {
          const bytes = encode(value).slice()
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte
          count[holds(cut > 20 ? bytes.subarray(0, bytes.length - (cut % bytes.length)) : bytes)]++
        },
      ),
      runs,
    )
    // Neither side of the law may be empty, or it says nothing.
    expect(count.accepted).toBeGreaterThan(runs.numRuns / 40)
    expect(count.refused).toBeGreaterThan(runs.numRuns / 4)
  })

  test('every head with every kind of tail', () => {
    const tails = [
      [],
      [0],
      [0, 0],
      [1, 0x61],
      [0xff, 0xff, 0xff, 0xff],
      [0, 0, 0, 0, 0, 0, 0, 0],
      Array.from({ length: 40 }, () => 0x61),
    ]
    for (let head = 0; head < 256; head++)
      for (const tail of tails) holds(Uint8Array.of(head, ...tail))
  })
})
