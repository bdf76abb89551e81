import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encode } from '../src/codec.ts'
import {
  attemptError,
  classifyHttp,
  normaliseThrown,
  PermanentError,
  RetryAfter,
  WaybillError,
  waitMsMax,
} from '../src/fault.ts'
import { tries } from './tries.ts'

const hostile: ProxyHandler<object> = {
  get: () => {
    throw new Error('get')
  },
  getPrototypeOf: () => {
    throw new Error('getPrototypeOf')
  },
  ownKeys: () => {
    throw new Error('ownKeys')
  },
}
const throwing = {
  get message(): string {
    throw new Error('message')
  },
  get name(): string {
    throw new Error('name')
  },
  get code(): string {
    throw new Error('code')
  },
}
function cycle(): Error {
  const error = new Error('round')
  error.cause = new Error('and round', { cause: error })
  return error
}

describe('normaliseThrown', () => {
  test.each<[string, unknown, string]>([
    ['null', null, 'thrown null'],
    ['undefined', undefined, 'thrown undefined'],
    ['a string', 'no', 'thrown no'],
    ['a number', Number.NaN, 'thrown NaN'],
    ['a bigint', 10n ** 10_000n, 'thrown a bigint'],
    ['a symbol', Symbol('x'), 'thrown Symbol(x)'],
    ['a function', () => 1, 'thrown function with no fields'],
    ['an object', { a: 1, b: 2 }, 'thrown object with fields a, b'],
    ['an object with a message', { message: 'm' }, 'm'],
    [
      'a proxy that throws',
      new Proxy({}, hostile),
      'thrown object with fields that cannot be read',
    ],
    ['a revoked proxy', revoked(), 'thrown object with fields that cannot be read'],
    ['getters that throw', throwing, 'thrown object with fields message, name, code'],
    ['an object without a prototype', Object.create(null), 'thrown object with no fields'],
    ['causes', new Error('a', { cause: new TypeError('b', { cause: 'c' }) }), 'a <- b <- thrown c'],
    ['no cause', new Error('a', { cause: null }), 'a'],
    ['a cycle of causes', cycle(), 'round <- and round <- round <- and round <- round'],
    ['a lone surrogate', new Error('a\ud800b'), 'a\ufffdb'],
  ])('%s', (_name, thrown, message) => {
    const error = normaliseThrown(thrown)
    expect(error).toMatchObject({ class: 'retryable', causeClass: 'handler', message })
    expect(attemptError.parse(error)).toEqual(error)
    expect(encode(error).length).toBeLessThanOrEqual(8192)
  })

  test('classes come from brands and codes, never from text', () => {
    expect(normaliseThrown(new PermanentError('no'))).toMatchObject({
      class: 'permanent',
      name: 'PermanentError',
    })
    expect(normaliseThrown(new RetryAfter(1500))).toMatchObject({
      class: 'retryable',
      afterMs: 1500,
    })
    expect(normaliseThrown(new DOMException('late', 'TimeoutError'))).toMatchObject({
      class: 'timeout',
      causeClass: 'timeout',
    })
    expect(normaliseThrown(Object.assign(new Error('x'), { code: 'ETIMEDOUT' }))).toMatchObject({
      class: 'timeout',
      code: 'ETIMEDOUT',
    })
    expect(normaliseThrown(new Error('PermanentError: timeout'))).toMatchObject({
      class: 'retryable',
    })
    expect(
      normaliseThrown(Object.assign(new Error('x'), { name: 'PermanentError' })),
    ).toMatchObject({ class: 'retryable' })
  })

  test('the brand of another copy of this package counts', () => {
    const foreign = Object.assign(new Error('no'), {
      [Symbol.for('waybill.attempt.class')]: 'permanent',
    })
    expect(normaliseThrown(foreign).class).toBe('permanent')
  })

  test('what cannot be encoded is permanent and says where', () => {
    const error = normaliseThrown(catching(() => encode({ data: { items: [1, () => 1] } })))
    expect(error).toMatchObject({ class: 'permanent', code: 'codec.type', path: 'data.items[1]' })
  })

  test('10 MB become 8 KB', () => {
    for (const filler of ['x', '€', '𝒳', '\ud800']) {
      const error = normaliseThrown(
        Object.assign(new Error(filler.repeat(5_000_000)), {
          code: filler.repeat(1e6),
          path: filler.repeat(1e6),
          name: filler.repeat(1e6),
        }),
      )
      expect(encode(error).length).toBeLessThanOrEqual(8192)
      expect(encode(error).length).toBeGreaterThan(6000)
      expect(error.message.endsWith('…')).toBe(true)
      expect(attemptError.parse(error)).toEqual(error)
    }
  })

  test('bytes are counted, not characters', () => {
    const error = normaliseThrown(new Error('€'.repeat(5000)))
    expect(encode(error).length).toBeLessThanOrEqual(8192)
    expect(error.message).toMatch(/^€{2000,}…$/)
  })

  test('anything at all: never throws, always fits, always encodes', () => {
    const strange = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withUnicodeString: true,
    })
    const bytes = fc.integer({ min: 0, max: 9000 })
    fc.assert(
      fc.property(strange, strange, strange, bytes, (message, code, cause, bytesMax) => {
        for (const thrown of [
          message,
          { message, code, cause, name: code, path: message, afterMs: code },
        ]) {
          const error = normaliseThrown(thrown, bytesMax)
          expect(attemptError.safeParse(error).success).toBe(true)
          expect(encode(error).length).toBeLessThanOrEqual(Math.max(512, bytesMax))
        }
      }),
      tries(2000),
    )
  })

  test('a message that fits is kept whole', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 1500 }), (message) => {
        expect(normaliseThrown(new Error(message)).message).toBe(message)
      }),
    )
  })
})

test('RetryAfter keeps a sane pause, its cause and its message', () => {
  const cause = new Error('429')
  expect(new RetryAfter(10, 'busy', { cause })).toMatchObject({
    afterMs: 10,
    message: 'busy',
    cause,
  })
  expect([0.5, -1, Number.NaN, Infinity].map((ms) => new RetryAfter(ms).afterMs)).toEqual([
    1,
    0,
    0,
    waitMsMax,
  ])
  expect(new PermanentError('no', { cause })).toMatchObject({ message: 'no', cause })
})

test.each<[number | undefined, string, string]>([
  [undefined, 'retryable', 'unknown'],
  [301, 'permanent', 'handler'],
  [400, 'permanent', 'handler'],
  [401, 'permanent', 'auth'],
  [403, 'permanent', 'auth'],
  [404, 'permanent', 'handler'],
  [408, 'retryable', 'timeout'],
  [410, 'permanent', 'handler'],
  [425, 'retryable', 'handler'],
  [429, 'rate_limited', 'rate_limited'],
  [500, 'retryable', 'upstream_5xx'],
  [503, 'retryable', 'upstream_5xx'],
])('HTTP %s is %s', (status, kind, cause) => {
  expect(classifyHttp(status)).toEqual({ class: kind, causeClass: cause })
  const asked = kind === 'permanent' ? {} : { afterMs: 1500 }
  expect(classifyHttp(status, 1499.5)).toEqual({ class: kind, causeClass: cause, ...asked })
})

test('WaybillError says what, where, why and what next', () => {
  const cause = new Error('refused')
  const error = new WaybillError(
    {
      code: 'WB1004',
      what: 'NATS does not answer',
      where: 'nats://x:4222',
      why: 'refused',
      next: 'start it',
    },
    { cause },
  )
  expect(error).toMatchObject({
    name: 'WaybillError',
    code: 'WB1004',
    message: 'WB1004 NATS does not answer',
    cause,
  })
  expect(error.render()).toBe(
    'WB1004 NATS does not answer\n  where: nats://x:4222\n  why:   refused\n  next:  start it',
  )
  expect(new WaybillError({ code: 'WB1', what: 'x', next: 'y' }).render()).toBe('WB1 x\n  next:  y')
})

function catching(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('it did not throw')
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
