import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { defineBinding, defineEvent, type HandlerContext } from '../src/index.ts'

const placed = defineEvent(
  'order.placed',
  z.object({
    id: z.string(),
    total: z.number(),
    lines: z.array(z.object({ sku: z.string() })),
    note: z.string().optional(),
  }),
)
const paid = defineEvent('order.paid', z.object({ id: z.string(), receipt: z.int() }))

/** Checked by tsc, never run: what is in here is wrong on purpose. */
const neverRun = (_: () => unknown): void => undefined

test('data is what the schema says', () => {
  defineBinding({
    id: 'one',
    on: placed,
    when: (event) => {
      expectTypeOf(event.data.total).toBeNumber()
      expectTypeOf(event.type).toEqualTypeOf<'order.placed'>()
      return event.data.total > 10
    },
    handler: ({ event, data }) => {
      expectTypeOf(event.data.id).toBeString()
      expectTypeOf(data).toEqualTypeOf(event.data)
    },
  })
})

test('keys see the event as the predicate does, in every limit', () => {
  defineBinding({
    id: 'limits',
    on: placed,
    flow: {
      key: { key: (event) => event.data.id, policy: 'queue' },
      rateLimit: { key: (event) => event.data.id, max: 5, period: '1m' },
      concurrency: [
        10,
        {
          key: (event) => {
            expectTypeOf(event.data.total).toBeNumber()
            return event.data.id
          },
          max: 1,
        },
        { key: 'event.data.id', max: 2, scope: 'app', name: 'per-order' },
      ],
    },
    handler: ({ events }) => {
      expectTypeOf(events[0]?.data.total).toEqualTypeOf<number | undefined>()
    },
  })
})

test('a list gives a union that its type narrows', () => {
  defineBinding({
    id: 'both',
    on: [placed, paid],
    handler: ({ event }) => {
      expectTypeOf(event.type).toEqualTypeOf<'order.placed' | 'order.paid'>()
      expectTypeOf(event.data.id).toBeString()
      if (event.type === 'order.paid') expectTypeOf(event.data.receipt).toBeNumber()
    },
  })
})

test('a pattern gives unknown data', () => {
  defineBinding({
    id: 'any',
    on: 'order.>',
    handler: ({ data }) => expectTypeOf(data).toBeUnknown(),
  })
})

test('inputs have the types of their places', () => {
  defineBinding({
    id: 'inputs',
    on: placed,
    input: {
      order: 'event.data.id',
      sku: 'event.data.lines[0].sku',
      note: 'event.data.note',
      source: 'event.source',
    },
    handler: ({ input }) => {
      expectTypeOf(input.order).toBeString()
      expectTypeOf(input.note).toBeString()
      expectTypeOf(input.source).toBeString()
      expectTypeOf(input.sku).toBeString()
    },
  })
  defineBinding({
    id: 'item',
    on: placed,
    input: { first: 'event.data.lines[0]' },
    handler: ({ input }) => expectTypeOf(input.first).toEqualTypeOf<{ sku: string }>(),
  })
})

test('what a context offers', () => {
  expectTypeOf<HandlerContext['deadline']>().toEqualTypeOf<Date>()
  expectTypeOf<HandlerContext['signal']>().toEqualTypeOf<AbortSignal>()
  expectTypeOf<HandlerContext['send']>().returns.toEqualTypeOf<Promise<string>>()
})

const handler = (): void => undefined

neverRun(() => {
  // @ts-expect-error no setting of that name
  defineBinding({ id: 'x', on: placed, wen: 'true', handler })
  // @ts-expect-error a handler is needed
  defineBinding({ id: 'x', on: placed })
  // @ts-expect-error seconds are 's'
  defineBinding({ id: 'x', on: placed, handler, timeouts: { attempt: '30 seconds' } })
  // @ts-expect-error a bare number has no unit
  defineBinding({ id: 'x', on: placed, handler, timeouts: { attempt: 30 } })
  // @ts-expect-error unknown field of timeouts
  defineBinding({ id: 'x', on: placed, handler, timeouts: { atempt: '30s' } })
  // @ts-expect-error weeks are no unit
  defineBinding({ id: 'x', on: placed, handler, retry: { backoff: 'exponential', base: '1w' } })
  defineBinding({
    id: 'x',
    on: placed,
    handler,
    // @ts-expect-error factor belongs to exponential
    retry: { backoff: 'fixed', delay: '1s', factor: 2 },
  })
  // @ts-expect-error a fixed backoff needs its delay
  defineBinding({ id: 'x', on: placed, handler, retry: { backoff: 'fixed' } })
  // @ts-expect-error no such policy
  defineBinding({ id: 'x', on: placed, handler, retry: 'often' })
  // @ts-expect-error no such priority
  defineBinding({ id: 'x', on: placed, handler, priority: 'urgent' })
  // @ts-expect-error the schema has total, not amount
  defineBinding({ id: 'x', on: placed, handler, when: (event) => event.data.amount > 1 })
  // @ts-expect-error data of a pattern is unknown
  defineBinding({ id: 'x', on: 'order.>', handler, when: (event) => event.data.total > 1 })
  // @ts-expect-error only in one of the two
  defineBinding({ id: 'x', on: [placed, paid], handler: ({ event }) => event.data.total })
  // @ts-expect-error a predicate answers yes or no
  defineBinding({ id: 'x', on: placed, handler, when: () => 'yes' })
  // @ts-expect-error keys are computed at once
  defineBinding({ id: 'x', on: placed, handler, key: async () => 'k' })
  // @ts-expect-error no such setting of a limit
  defineBinding({ id: 'x', on: placed, handler, flow: { concurrency: { max: 1, period: '1s' } } })
  defineBinding({
    id: 'x',
    on: placed,
    handler,
    // @ts-expect-error a limit that is shared needs a name
    flow: { concurrency: { max: 1, scope: 'app' } },
  })
  // @ts-expect-error of which row it is the newest
  defineBinding({ id: 'x', on: placed, handler, flow: { debounce: { period: '1s' } } })
  // @ts-expect-error no such policy
  defineBinding({ id: 'x', on: placed, handler, flow: { key: 'latest' } })
  defineBinding({
    id: 'x',
    on: placed,
    handler,
    // @ts-expect-error the schema has total, not amount
    flow: { singleton: { key: (event) => event.data.amount, mode: 'skip' } },
  })
  // @ts-expect-error no such field in the data
  defineBinding({ id: 'x', on: placed, handler, input: { order: 'event.data.typo' } })
  // @ts-expect-error paths begin at event
  defineBinding({ id: 'x', on: placed, handler, input: { order: 'data.id' } })
  defineBinding({
    id: 'x',
    on: placed,
    input: { order: 'event.data.id' },
    // @ts-expect-error an input that was not asked for
    handler: ({ input }) => input.id,
  })
  defineBinding({
    id: 'x',
    on: placed,
    handler: async ({ send }) => {
      await send(paid, { id: 'A', receipt: 1 })
      // @ts-expect-error the receipt is a number
      await send(paid, { id: 'A', receipt: '1' })
      // @ts-expect-error the receipt is missing
      await send(paid, { id: 'A' })
      // @ts-expect-error no such option
      await send(paid, { id: 'A', receipt: 1 }, { dedupe: 'x' })
    },
  })
  // @ts-expect-error a schema is needed
  defineEvent('order.placed')
})
