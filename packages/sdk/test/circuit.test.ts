import { manifest, type KeyedLimit } from '@waybill/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineApp, defineBinding, defineEvent, type Binding } from '../src/index.ts'
import { createTestBed } from '../src/testing.ts'
import { issuesOf } from './issues.ts'

const placed = defineEvent('order.placed', z.object({ id: z.string(), host: z.string() }))
const handler = (): void => undefined

/** As a user of JavaScript would call it: nothing is checked before. */
const defineAny = defineBinding as unknown as (spec: object) => Binding
const bind = (circuit: unknown, more: object = {}): Binding =>
  defineAny({ id: 'ship', on: placed, handler, circuit, ...more })
const limitsOf = ({ definition }: Binding): readonly KeyedLimit[] => definition.flow?.limits ?? []

const rule = {
  kind: 'circuit',
  failures: 5,
  ratePercent: 50,
  rateMin: 10,
  windowMs: 6e4,
  openMs: 6e4,
  openMaxMs: 6e5,
  whenOpen: 'defer',
}

describe('circuit', () => {
  test('a text is the destination itself, whatever is in it', () => {
    for (const text of ['payments-api', 'say "no" \\ twice', 'https://a.test/?b=ü']) {
      const binding = bind(text)
      const key = { kind: 'cel', text: JSON.stringify(text) }
      expect(limitsOf(binding)).toEqual([{ name: 'circuit', scope: 'app', rule, key }])
      const app = defineApp({ name: 'shop', bindings: [binding] })
      const event = { data: { id: 'a', host: 'h' }, type: 'order.placed' }
      const asked = app.keys?.({ ...binding.definition, version: 1 }, event as never)
      expect(asked).toEqual({ ok: true, keys: [text] })
    }
  })

  test('comes after all other limits, under every setting that it has', () => {
    const destination = (event: { data: { host: string } }): string => event.data.host
    const settings = { failures: 2, ratePercent: 20, rateMin: 4, window: '30s', open: '5s' }
    const binding = bind(
      { destination, name: 'hosts', ...settings, openMax: '20s', whenOpen: 'dlq' },
      { flow: { concurrency: [3, { max: 9, name: 'all', scope: 'global' }] } },
    )
    const limits = limitsOf(binding)
    expect(limits.map(({ name }) => name)).toEqual(['concurrency', 'all', 'hosts'])
    expect(limits.at(-1)).toMatchObject({
      scope: 'app',
      key: { kind: 'function' },
      rule: {
        kind: 'circuit',
        failures: 2,
        ratePercent: 20,
        rateMin: 4,
        windowMs: 3e4,
        openMs: 5e3,
        openMaxMs: 2e4,
        whenOpen: 'dlq',
      },
    })
    expect(binding.code.keys?.at(-1)).toBe(destination)
    expect(manifest.safeParse({ ...binding.definition, version: 1 }).success).toBe(true)
  })

  test.each<[circuit: unknown, path: string, code: string]>([
    [5, 'circuit', 'definition.type'],
    ['', 'circuit', 'definition.type'],
    [{}, 'circuit.destination', 'definition.missing'],
    [{ destination: 'event.data.nothing' }, 'circuit.destination', 'definition.cel'],
    [{ destination: 'event.data.host', failures: 0 }, 'circuit.failures', 'definition.range'],
    [
      { destination: 'event.data.host', ratePercent: 101 },
      'circuit.ratePercent',
      'definition.range',
    ],
    [{ destination: 'event.data.host', window: '2h' }, 'circuit.window', 'definition.range'],
    [{ destination: 'event.data.host', open: 'soon' }, 'circuit.open', 'definition.unit'],
    [
      { destination: 'event.data.host', open: '1m', openMax: '1s' },
      'circuit.openMax',
      'definition.conflict',
    ],
    [{ destination: 'event.data.host', whenOpen: 'drop' }, 'circuit.whenOpen', 'definition.range'],
    [{ destination: 'event.data.host', name: 'a b' }, 'circuit.name', 'definition.type'],
    [{ destination: 'event.data.host', failure: 5 }, 'circuit.failure', 'definition.unknown'],
  ])('refuses %j', (circuit, path, code) => {
    expect(issuesOf(() => bind(circuit))).toMatchObject([{ path, code }])
  })

  test('of one name is one circuit; only what becomes of a dispatch is each binding’s own', () => {
    const app = (more: object) => () =>
      defineApp({
        name: 'shop',
        bindings: [bind('api'), bind({ destination: '"api"', ...more }, { id: 'bill' })],
      })
    expect(issuesOf(app({ whenOpen: 'dlq' }))).toEqual([])
    expect(issuesOf(app({ failures: 3, name: 'mine' }))).toEqual([])
    expect(issuesOf(app({ failures: 3 }))).toMatchObject([
      { code: 'definition.conflict', path: 'bindings[1].circuit' },
    ])
    const named = { concurrency: { max: 3, scope: 'app', name: 'circuit' } }
    expect(issuesOf(() => bind('api', { flow: named }))).toMatchObject([
      { code: 'definition.duplicate', path: 'circuit.name' },
    ])
  })
})

test('what waits for its destination runs when that is back, with the attempts it had', async () => {
  let up = false
  let called = 0
  const ship = defineBinding({
    id: 'ship',
    on: placed,
    circuit: { destination: 'event.data.host', failures: 3 },
    retry: { attempts: 3, base: '1s' },
    handler: () => {
      called += 1
      if (!up) throw new Error('no answer')
    },
  })
  const bed = await createTestBed({ app: defineApp({ name: 'shop', bindings: [ship] }) })
  try {
    for (let n = 0; n < 12; n++) await bed.send(placed, { id: `o${n}`, host: 'api.test' })
    await bed.advance('10m')
    expect(called).toBeLessThan(12)
    up = true
    await bed.advance('30m')
    const states = bed.dispatches().map(({ state }) => state)
    expect(states).toEqual(Array.from({ length: 12 }, () => 'succeeded'))
    expect(called).toBeLessThan(24)
    expect(bed.replay().entries).toBeGreaterThan(0)
  } finally {
    await bed.close()
  }
})
