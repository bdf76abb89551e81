import { encode } from '@waybill/core'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineApp, defineBinding, defineEvent } from '../src/index.ts'
import { eventOf, manifestOf } from './fixture.ts'

const placed = defineEvent('order.placed', z.object({ id: z.string() }))
const base = { id: 'ship', on: placed, handler: (): void => undefined } as const
const about = eventOf('order.placed', { id: 'A' })

test.each([
  ['half a character', '\ud800'],
  ['a character cut in two by the bound', `${'x'.repeat(222)}${'😀'.repeat(50)}`],
])('a key with %s can be recorded', (_, text) => {
  const app = defineApp({ name: 'shop', bindings: [defineBinding({ ...base, key: () => text })] })
  const { result, key } = app.verdict(manifestOf(app, 'ship'), about)
  expect(result).toBe('matched')
  expect(() => encode(key ?? null)).not.toThrow()
})

test('a key that is a promise is refused, and its rejection is nobody else’s', async () => {
  const key = (() => Promise.reject(new Error('down'))) as unknown as () => string
  const app = defineApp({ name: 'shop', bindings: [defineBinding({ ...base, key })] })
  expect(app.verdict(manifestOf(app, 'ship'), about)).toMatchObject({
    result: 'error',
    reason: 'key: it is a promise: keys are computed at once',
  })
})
