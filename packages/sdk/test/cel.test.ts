import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { clausesOf } from '../src/cel/clauses.ts'
import { CelProblem } from '../src/cel/limits.ts'
import { checkCel, compileCel } from '../src/cel/program.ts'
import { dyn, shapeOf, type Shape } from '../src/cel/shape.ts'
import { jsonSchemaOf } from '../src/event.ts'
import { eventOf, t0 } from './fixture.ts'

const schema = z.object({
  id: z.string(),
  count: z.int(),
  price: z.number(),
  items: z.array(z.object({ quantity: z.int(), tag: z.string().optional() })),
  open: z.looseObject({ a: z.int() }),
  note: z.string().nullable(),
  stock: z.record(z.string(), z.int()),
})
const shape = shapeOf(jsonSchemaOf(schema))
const data = {
  id: 'A-1',
  count: 7,
  price: 2,
  items: [{ quantity: 1 }, { quantity: 2, tag: 'x' }],
  open: { a: 1, more: 3 },
  note: null,
  stock: { left: 4 },
}
const event = eventOf('order.placed', data, { headers: { 'x-kind': 'a' } })

function judge(text: string, of: Shape = shape, about = event): unknown {
  const answer = compileCel(text).evaluate(about, of)
  return answer.ok ? answer.value : `error: ${answer.reason}`
}

function problem(text: string, of: Shape = shape): CelProblem {
  try {
    checkCel(text, of, ['bool'])
  } catch (cause) {
    if (cause instanceof CelProblem) return cause
    throw cause
  }
  throw new Error(`no problem with ${text}`)
}

describe('what an expression sees', () => {
  test.each([
    'event.type == "order.placed" && event.source == "test"',
    'event.data.count > 5 && event.data.count % 2 == 1',
    'event.data.price / 2.0 == 1.0', // a number field is a double even when it holds 2
    'event.data.price * 1.5 == 3.0',
    'event.data.count / 2 == 3', // an integer field is an int, so it divides as one
    'event.data.items.exists(i, i.quantity == 2)',
    'event.data.items.exists(i, event.data.items.exists(j, j.quantity > i.quantity))',
    'event.data.items[1].tag == "x" && size(event.data.items) == 2',
    'event.data.items.filter(i, i.quantity > 1).size() == 1',
    'event.data.items.map(i, i.quantity) == [1, 2]',
    'event.data.open.more == 3', // nobody declared it, but the object is open
    'event.data.note == null',
    '!has(event.data.items[0].tag)'.replace('items[0]', 'open'),
    'event.data.stock.left == 4 && event.data.stock["left"] == 4',
    'event.headers["x-kind"] == "a"',
    'event.chain.depth == 0 && event.chain.root == event.id',
    'event.data.id.re2Matches("^A-[0-9]+$")',
    'event.data.id.startsWith("A") && event.data.id.lowerAscii() == "a-1"',
    'event.time.getHours() == 12 && event.time < timestamp("2026-02-01T00:00:00Z")',
    'event.time + duration("90m") > timestamp("2026-01-31T13:00:00+00:00")',
    'event.data.id in ["A-1", "B-2"]',
  ])('%s', (text) => {
    checkCel(text, shape, ['bool'])
    expect(judge(text)).toBe(true)
  })

  test('a filter reads the same event in any process, schema or no schema', () => {
    for (const text of [
      'event.data.count % 2 == 1',
      'event.data.price * 1.5 > 2',
      'event.data.count == 7',
    ]) {
      expect(judge(text, dyn)).toBe(true)
    }
  })

  test('only what it names is looked at', () => {
    const unwanted = Object.defineProperty({ wanted: 1 }, 'other', {
      enumerable: true,
      get: () => expect.unreachable('looked at'),
    })
    const lean = { ...eventOf('lean', {}), data: unwanted }
    expect(judge('event.data.wanted == 1 && !has(event.data.missing)', dyn, lean)).toBe(true)
  })
})

describe('false says which clause', () => {
  test.each([
    ['event.data.count > 5 && event.data.count > 10 && event.type == "x"', 'event.data.count > 10'],
    [
      'event.type == "order.placed" && (event.data.count > 8 || false)',
      '(event.data.count > 8 || false)',
    ],
    ['event.type == "a && b" && event.data.count == 7', 'event.type == "a && b"'],
    ['event.data.count == 7 // && not this\n && event.type == "x"', 'event.type == "x"'],
    ['event.data.count > 8', 'event.data.count > 8'],
    ['event.data.count > 8 || event.type == "x"', 'event.data.count > 8 || event.type == "x"'],
    ['true ? false && true : true', 'true ? false && true : true'],
  ])('%s', (text, clause) => {
    expect(judge(text)).toBe(false)
    expect(compileCel(text).falseClause(event, shape)).toBe(clause)
  })

  test('clauses put together again are the text', () => {
    const part = fc.constantFrom(
      'a',
      '(b && c)',
      '"&&"',
      "'\\'&&'",
      'f(x, y)',
      '[1, 2][0]',
      '{"a": 1}',
      '"""q"&&"""',
    )
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        expect(clausesOf(parts.join(' && ')).map(({ text }) => text)).toEqual(parts)
      }),
    )
  })
})

describe('refused at definition', () => {
  const nested = (depth: number): string =>
    depth === 0 ? 'true' : `event.data.items.all(v${depth}, ${nested(depth - 1)})`

  test.each([
    ['event.data.typo == 1', 'cel.type', 'known here: id, count'],
    ['event.data.items[0].typo == 1', 'cel.type', ''],
    ['event.typo == 1', 'cel.type', 'known here: id, type, source'],
    ['order.total > 1', 'cel.type', 'the only variable is `event`'],
    ['event.data.count == "7"', 'cel.type', ''],
    ['event.data.price == 2', 'cel.type', '2.0'],
    ['event.data.id + 1 == 2', 'cel.type', ''],
    ['event.data.count', 'cel.result', 'it must be bool'],
    ['event.data.id.matches("A.*")', 'cel.function', 're2Matches'],
    ['matches(event.data.id, "A.*")', 'cel.function', 're2Matches'],
    ['event.data.id.re2Matches("(?=A)")', 'cel.pattern', 'RE2'],
    ['event.data.id.re2Matches("(A)\\\\1")', 'cel.pattern', 'RE2'],
    ['event.data.id.re2Matches(event.data.id)', 'cel.pattern', ''],
    [`event.data.id.re2Matches("${'a'.repeat(2000)}")`, 'cel.pattern', ''],
    ['now() > event.time', 'cel.function', 'known:'],
    ['event.time.getHours("Europe/Berlin") > 8', 'cel.function', 'UTC'],
    ['event.time.getDayOfYear() > 8', 'cel.function', 'known:'],
    ['cel.bind(a, "x", a == "x")', 'cel.function', 'known:'],
    ['event.data.items.exists(event, event.quantity == 1)', 'cel.macro', 'another name'],
    [nested(3), 'cel.macro', 'one inside another'],
    ['event.data.count >', 'cel.syntax', ''],
    ['event.data.id == "', 'cel.syntax', ''],
    ['', 'cel.syntax', ''],
  ])('%s', (text, code, hint) => {
    const found = problem(text)
    expect(found.code).toBe(code)
    expect(found.hint).toContain(hint)
  })

  test('size: nodes, depth, characters', () => {
    const wide = Array.from({ length: 300 }, () => 'true').join(' && ')
    const deep = `${'('.repeat(60)}true${')'.repeat(60)}`
    const long = `"${'x'.repeat(5000)}" == ""`
    expect([wide, deep, long].map((text) => problem(text).code)).toEqual(Array(3).fill('cel.size'))
  })

  test('two macros, one in the other, are taken', () => {
    expect(() => checkCel(nested(2), shape, ['bool'])).not.toThrow()
  })

  test('whatever the text, it is taken or it is a CelProblem', () => {
    const words =
      'event .data .count .items .exists(i,i ) ( == && 1 1.5 "a" null [ ] { } ? : ! - true in .constructor'
    const token = fc.constantFrom(...words.split(' '), '__proto__', 'b"x"', '.all(i,', '||')
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const text = tokens.join(' ')
        try {
          checkCel(text, shape, ['bool'])
        } catch (cause) {
          expect(cause).toBeInstanceOf(CelProblem)
          return
        }
        const verdict = judge(text)
        expect(['boolean', 'string']).toContain(typeof verdict) // yes, no, or an error's text
        if (verdict === false) expect(text).toContain(compileCel(text).falseClause(event, shape))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('evaluation never throws', () => {
  const sum = Array(40).fill('a').join(' + ')
  const many = eventOf('many', {
    list: Array.from({ length: 1001 }, () => 1),
    text: 'a'.repeat(70_000),
  })

  test.each([
    ['event.data.missing == 1', 'No such key: missing'],
    ['event.data.items.all(i, i.tag == "x")', 'No such key: tag'],
    ['event.data.count / 0 == 1', 'division by zero'],
    ['event.data.id > 1', 'no such overload'],
    ['event.data.items[9].quantity == 1', 'index out of bounds'],
    ['int(event.data.id) == 1', 'cannot convert'],
    ['timestamp("2026-01-31T12:00:00.000") < event.time', 'needs a zone'],
    ['timestamp("Sat Jan 31 2026 12:00") < event.time', 'needs a zone'],
    ['event.data.count', 7n],
  ])('%s', (text, reason) => {
    const answer = judge(text, dyn)
    if (typeof reason === 'string') expect(answer).toContain(reason)
    else expect(answer).toBe(reason)
  })

  test.each([
    ['event.data.list.exists(i, i == 2)', '1001 items'],
    ['event.data.list.map(i, i).size() > 0', '1001 items'],
    ['event.data.text.split("").exists(c, c == "b")', '70000 items'],
    ['event.data.text.re2Matches("b")', '70000 characters'],
    [`[[1, 2]].map(a, ${sum}).map(a, ${sum}).size() > 0`, 'at most 1000'],
    [`["ab"].map(a, ${sum}).map(a, ${sum}).map(a, ${sum}).size() > 0`, 'at most 65536'],
  ])('bounded: %s', (text, reason) => {
    expect(judge(text, dyn, many)).toContain(reason)
  })

  test('nested walks share one allowance', () => {
    const square = eventOf('square', { list: Array.from({ length: 900 }, () => 1) })
    const text = 'event.data.list.all(a, event.data.list.all(b, a == b))'
    expect(judge(text, dyn, square)).toContain('steps in macros')
    expect(judge('event.data.list.all(a, a == 1)', dyn, square)).toBe(true) // and each run has its own
  })

  test.each([
    'event.constructor == 1',
    'event.data["__proto__"] == 1',
    'event.data.items.length == 2',
    'event.data.items.constructor == 1',
  ])('nothing but own data: %s', (text) => expect(judge(text, dyn)).toContain('No such key'))
})

test('times do not depend on the zone of the host', () => {
  expect(new Date(t0).toISOString()).toBe('2026-01-31T12:00:00.000Z')
  expect(judge('string(event.time.getHours()) == "12" && event.time.getFullYear() == 2026')).toBe(
    true,
  )
})
