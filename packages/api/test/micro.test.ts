import { connect, type NatsConnection } from '@nats-io/transport-node'
import { Svcm } from '@nats-io/services'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { natsFixture } from '../../../test/fixture/nats.ts'
import {
  ambiguous,
  type Answer,
  ApiError,
  createApiClient,
  endpointNames,
  endpoints,
  exitCodeOf,
  type Handlers,
  notFound,
  refused,
  serveEndpoints,
  type ServeOptions,
} from '../src/index.ts'

const nats = natsFixture()
let server: NatsConnection
let nc: NatsConnection
beforeAll(async () => {
  server = await connect({ servers: nats.url })
  nc = await connect({ servers: nats.url })
})
afterAll(async () => {
  await nc.drain()
  await server.drain()
})

const anEvent = `1-3-${'a'.repeat(32)}`
const options: ServeOptions = { service: 'projector', instance: 'p1', version: '0.1.0' }
const serveThese = (handlers: Partial<Handlers>, more: Partial<ServeOptions> = {}) =>
  serveEndpoints(server, { ...options, ...more }, handlers)
const empty: Answer<'dispatch.list'> = { dispatches: [], asOf: { JOURNAL_g1: 7 } }
const api = () => createApiClient(nc)
const cancel = (app: string) =>
  ({ app, target: { kind: 'event', event: anEvent }, by: 'eva', reason: 'wrong order' }) as const

async function failure(work: Promise<unknown>): Promise<ApiError> {
  const cause = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (cause instanceof ApiError) return cause
  throw new Error('it did not fail with an ApiError', { cause })
}

test('a question is answered, with defaults filled in and the position it is true at', async () => {
  const asked: unknown[] = []
  await using _ = await serveThese({
    'dispatch.list': async (request, { traceparent }) => {
      asked.push(request, traceparent)
      return empty
    },
  })
  const answer = await api().call('dispatch.list', { state: ['dlq'] }, { traceparent: '00-a-b-01' })
  expect(answer).toEqual({ dispatches: [], asOf: { JOURNAL_g1: 7 } })
  expect(asked).toEqual([{ state: ['dlq'], limit: 50 }, '00-a-b-01'])
})

test('every endpoint says how far its answer had read', () => {
  for (const name of endpointNames) {
    expect(Object.keys(endpoints[name].response.shape)).toContain('asOf')
  }
})

describe('what goes wrong travels whole', () => {
  test.each([
    [notFound('dispatch', '1-2-abc', 'waybill dispatch ls'), 404, 3],
    [ambiguous('dispatch', '1-2', ['1-2-a', '1-2-b']), 300, 2],
    [refused('not_cancellable', 'it succeeded at 12:00\nlong ago', '1-2-abc'), 409, 5],
  ])('%s', async (error, status, exit) => {
    await using _ = await serveThese({ 'dispatch.get': () => Promise.reject(error) })
    const seen = await failure(api().call('dispatch.get', { id: '1-2-abc' }))
    expect(seen.body).toEqual(error.body)
    expect(exitCodeOf[seen.kind]).toBe(exit)

    const raw = await nc.request('wb.api.dispatch.get', '{"id":"1-2-abc"}')
    expect(raw.headers?.get('Nats-Service-Error-Code')).toBe(String(status))
    expect(raw.headers?.get('Nats-Service-Error')).toContain(error.code)
  })

  test.each([
    ['throws', () => Promise.reject(new Error('boom')), 'Error: boom'],
    ['answers nonsense', () => Promise.resolve({ nonsense: 1 } as never), 'malformed'],
  ])('a handler that %s is a defect, and its owner hears of it', async (_how, handler, why) => {
    const heard: string[] = []
    const onDefect: ServeOptions['onDefect'] = (name, error) =>
      void heard.push(`${name} ${error.kind}`)
    await using _ = await serveThese({ 'dlq.list': handler }, { onDefect })
    const seen = await failure(api().call('dlq.list', {}))
    expect(seen).toMatchObject({ kind: 'defect', code: 'WB2005' })
    expect(seen.why).toContain(why)
    expect(heard).toEqual(['dlq.list defect'])
  })

  test('a wrong request is refused before it leaves, and at the door', async () => {
    const local = await failure(api().call('dispatch.list', { limit: 0 }))
    expect(local).toMatchObject({ kind: 'invalid', where: 'dispatch.list' })

    await using _ = await serveThese({ 'dispatch.list': () => Promise.resolve(empty) })
    for (const body of ['not json', '{"limit":0}', '{"unknown":1}', '[]', '"x"']) {
      const raw = await nc.request('wb.api.dispatch.list', body)
      expect([body, raw.headers?.get('Nats-Service-Error-Code')]).toEqual([body, '400'])
    }
    const nothing = await nc.request('wb.api.dispatch.list')
    expect(nothing.headers?.get('Nats-Service-Error-Code')).toBe('')
  })

  test('an answer larger than a message is refused with both sizes', async () => {
    const huge = {
      id: 'x'.repeat(server.info?.max_payload ?? 0),
      kind: 'step',
      label: '',
      status: '',
      metadata: {},
      seq: 1,
    } as const
    await using _ = await serveThese({
      'dispatch.graph': () => Promise.resolve({ nodes: [huge], edges: [], asOf: {} }),
    })
    const seen = await failure(api().call('dispatch.graph', { id: '1-2-abc' }))
    expect(seen.body).toMatchObject({ kind: 'refused', refusal: 'answer_too_large' })
  })
})

describe('nobody answers', () => {
  test('no service: says which one is missing', async () => {
    expect(await failure(api().call('event.get', { id: anEvent }))).toMatchObject({
      kind: 'unavailable',
      why: 'no projector is running',
      next: 'start it: waybill projector',
    })
    expect(await failure(api().callEach('partition.status', {}))).toMatchObject({
      kind: 'unavailable',
      why: 'no dispatcher is running',
    })
  })

  test('no dispatcher of that app', async () => {
    const answer = { dryRun: false, dispatches: 1, ids: [], more: false, asOf: {} }
    await using _ = await serveThese(
      { 'dispatch.cancel': () => Promise.resolve(answer) },
      { apps: ['shop'] },
    )
    expect(await api().call('dispatch.cancel', cancel('shop'))).toEqual(answer)
    expect(await failure(api().call('dispatch.cancel', cancel('other')))).toMatchObject({
      kind: 'unavailable',
      why: 'no dispatcher hosts app other',
    })
  })

  test('a handler that hangs: the server gives up first, the client does not wait for ever', async () => {
    let aborted = false
    const hang: Handlers['binding.list'] = (_request, { signal }) =>
      new Promise(() => signal.addEventListener('abort', () => (aborted = true)))
    {
      await using _ = await serveThese({ 'binding.list': hang }, { answerWithinMs: 20 })
      expect(await failure(api().call('binding.list', {}))).toMatchObject({
        why: 'it took too long',
      })
      expect(aborted).toBe(true)
    }
    await using _ = await serveThese({ 'binding.list': hang }, { answerWithinMs: 60 })
    const late = failure(api().call('binding.list', {}, { timeoutMs: 20 }))
    expect(await late).toMatchObject({
      kind: 'unavailable',
      why: 'no projector answered within 20 ms',
    })
  })

  test('a closed connection', async () => {
    const closed = await connect({ servers: nats.url })
    const client = createApiClient(closed)
    await closed.close()
    expect(await failure(client.call('binding.list', {}))).toMatchObject({ kind: 'unavailable' })
    expect(await failure(client.callEach('service.health', {}))).toMatchObject({
      kind: 'unavailable',
    })
  })

  test('more than may be in progress: refused at once', async () => {
    const gate = Promise.withResolvers<Answer<'dispatch.list'>>()
    const taken = Promise.withResolvers<void>()
    const handler: Handlers['dispatch.list'] = () => {
      taken.resolve()
      return gate.promise
    }
    await using _ = await serveThese({ 'dispatch.list': handler }, { inFlightMax: 1 })
    const first = api().call('dispatch.list', {})
    await taken.promise
    expect(await failure(api().call('dispatch.list', {}))).toMatchObject({
      kind: 'unavailable',
      body: { retryAfterMs: 1000 },
    })
    gate.resolve(empty)
    await first
  })
})

test('each instance answers for itself; one of a queue answers for all', async () => {
  let lists = 0
  const handlers = (instance: string): Partial<Handlers> => ({
    'partition.status': () => Promise.resolve({ instance, partitions: [], asOf: {} }),
    'dispatch.list': () => {
      lists++
      return Promise.resolve(empty)
    },
  })
  await using _a = await serveThese(handlers('a'), { service: 'dispatcher', instance: 'a' })
  await using _b = await serveThese(handlers('b'), { service: 'dispatcher', instance: 'b' })
  const answers = await api().callEach('partition.status', {})
  expect(answers.map(({ instance }) => instance).sort()).toEqual(['a', 'b'])
  await api().call('dispatch.list', {})
  expect(lists).toBe(1)
})

test('every tool for micro services finds it, with numbers that count what was asynchronous', async () => {
  await using _ = await serveThese({
    'dlq.get': () => Promise.reject(notFound('dead letter', 'x')),
    'service.health': async () => {
      await server.flush()
      const me = { service: 'projector', instance: 'p1', version: '0.1.0' }
      return { ...me, startedAt: 1, ready: true, checks: [], asOf: {} }
    },
  })
  await failure(api().call('dlq.get', { id: '1-2-abc' }))
  await api().callEach('service.health', {})
  const client = new Svcm(nc).client()
  for await (const info of await client.info('waybill')) {
    expect(info.metadata).toEqual({ service: 'projector', instance: 'p1' })
    expect(info.endpoints.map(({ subject }) => subject)).toEqual([
      'wb.api.dlq.get',
      'wb.api.service.health',
    ])
  }
  const [stats] = await Array.fromAsync(await client.stats('waybill'))
  const [dlq, health] = stats?.endpoints ?? []
  expect(dlq).toMatchObject({ num_requests: 1, num_errors: 1 })
  expect(health).toMatchObject({ num_requests: 1, num_errors: 0 })
  expect(health?.processing_time).toBeGreaterThan(0)
})

test('closing answers what is in progress, then is gone', async () => {
  const gate = Promise.withResolvers<Answer<'dispatch.list'>>()
  const taken = Promise.withResolvers<void>()
  const served = await serveThese({
    'dispatch.list': () => {
      taken.resolve()
      return gate.promise
    },
  })
  const answer = api().call('dispatch.list', {})
  await taken.promise
  const closed = served[Symbol.asyncDispose]()
  gate.resolve(empty)
  expect(await answer).toMatchObject({ dispatches: [] })
  await closed
  expect(await served.stopped).toBeNull()
  expect(await failure(api().call('dispatch.list', {}))).toMatchObject({ kind: 'unavailable' })
})
