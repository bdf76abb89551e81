import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { hasHidden, jsonText, readJson } from '../src/base/json-text.ts'
import { problemWith } from '../src/pages/bindings/draft.ts'
import { checkOf } from '../src/schema/check.ts'
import { kindOf, resolved, sampleOf, type Schema, valueAt, withAt } from '../src/schema/fields.ts'

/** As the sdk writes it. */
const schemaOf = (type: z.ZodType): Schema =>
  z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as Schema // its own words

const order = z.object({
  order: z.int(),
  account: z.string().min(1),
  currency: z.enum(['EUR', 'USD']).default('EUR'),
  contact: z.object({ email: z.email() }).optional(),
  items: z.array(z.object({ sku: z.string(), quantity: z.int().min(1).default(1) })),
  paid: z.union([z.literal('card'), z.object({ iban: z.string() })]),
})
const schema = schemaOf(order)

describe('which control shows a schema', () => {
  const part = (name: string): Schema => schema.properties?.[name] ?? {}
  test.each([
    ['order', 'number'],
    ['account', 'text'],
    ['currency', 'choice'],
    ['contact', 'object'],
    ['items', 'list'],
    ['paid', 'raw'],
  ])('%s: %s', (name, kind) => expect(kindOf(part(name))).toBe(kind))

  test('a record, any object, a list of anything and nullable ones are typed as JSON', () => {
    for (const type of [z.record(z.string(), z.number()), z.array(z.any()), z.any()]) {
      expect(['raw', 'list']).toContain(kindOf(schemaOf(type)))
    }
    expect(kindOf(schemaOf(z.string().nullable()))).toBe('raw')
    expect(kindOf({ type: 'object' })).toBe('raw')
  })

  test('a schema that refers to itself ends', () => {
    const loop: Schema = { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }
    expect(resolved(loop, loop)).toEqual({})
    const tree = z.object({
      name: z.string(),
      get children() {
        return z.array(tree)
      },
    })
    expect(sampleOf(schemaOf(tree))).toEqual({ children: [] })
  })
})

describe('what a form begins with', () => {
  test('defaults, and as little as is asked for; what a person must know is missing', () => {
    expect(sampleOf(schema)).toEqual({ currency: 'EUR', items: [] })
  })

  test('completed by hand it is what the app takes', () => {
    let data = sampleOf(schema)
    data = withAt(data, ['order'], 7)
    data = withAt(data, ['account'], 'a1')
    data = withAt(data, ['paid'], 'card')
    data = withAt(data, ['items', 0, 'sku'], 'S-1')
    expect(order.safeParse(data).success).toBe(true)
    expect(checkOf(schema)?.(data)).toEqual([])
  })
})

describe('the check', () => {
  const check = checkOf(schema) ?? (() => [])
  test('says where, and what is missing as missing', () => {
    const found = check({ order: 1.5, account: '', items: [{ quantity: 0 }], paid: 3 })
    expect(found.map(({ path }) => path).sort()).toEqual([
      'account',
      'items[0].quantity',
      'items[0].sku',
      'order',
      'paid',
    ])
    expect(found.filter(({ missing }) => missing).map(({ path }) => path)).toEqual(['items[0].sku'])
    expect(problemWith({}, found)).toBe('4 parts are wrong, 1 part is missing')
  })

  test('agrees with the app on whatever comes', () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            order: fc.oneof(fc.integer(), fc.double(), fc.string()),
            account: fc.string(),
            currency: fc.constantFrom('EUR', 'USD', 'CHF'),
            items: fc.array(fc.record({ sku: fc.string(), quantity: fc.integer() })),
            paid: fc.constantFrom('card', 'cash', null),
          },
          { requiredKeys: ['items'] },
        ),
        (data) => {
          expect(check(data).length === 0).toBe(order.safeParse(data).success)
        },
      ),
    )
  })

  test('a keyword that only the server knows is not guessed at', () => {
    expect(checkOf({ unevaluatedProperties: false, type: 'object' })).toBeUndefined()
  })
})

test('a part put in is the part found there, and the others stay', () => {
  const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.object({ key: fc.constantFrom('a', 'b', 'c') }), path, (value, at) => {
      const before = JSON.stringify(value)
      expect(valueAt(withAt(value, at, 'new'), at)).toBe('new')
      expect(JSON.stringify(value)).toBe(before)
    }),
  )
})

test('taking a part of a list away closes the gap', () => {
  expect(withAt({ a: [1, 2, 3] }, ['a', 1], undefined)).toEqual({ a: [1, 3] })
  expect(withAt({ a: 1, b: 2 }, ['a'], undefined)).toEqual({ b: 2 })
})

describe('JSON as text', () => {
  test('is read back as it was, bytes too', () => {
    const value = { a: [1, 'x', null], bytes: new Uint8Array([1, 2]) }
    expect(readJson(jsonText(value))).toEqual({ ok: true, value })
  })

  test('that is none says where', () => {
    const read = readJson('{\n  "a": 1,\n  "b" 2\n}')
    expect(read.ok ? '' : read.problem).toMatch(/line 3/)
  })

  test('with a hidden part is known, however deep', () => {
    expect(hasHidden({ a: [{ token: '[redacted]' }] })).toBe(true)
    expect(hasHidden({ a: ['redacted', 1, null] })).toBe(false)
  })
})
