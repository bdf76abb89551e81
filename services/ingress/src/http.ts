import { createHash, timingSafeEqual } from 'node:crypto'
import type { EventDraft } from '@waybill/core'
import { answerOps, type Logger, type Metrics, type OpsSources } from '@waybill/service'
import { Hono } from 'hono'
import { answerBatch, answerOne, answerRefusal } from './answer.ts'
import { type BodyRoom, createBodyRoom, readBody } from './body.ts'
import { readCloudEvents } from './cloudevents.ts'
import type { Door, Prepared } from './door.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'
import type { Endpoint } from './webhook/endpoint.ts'
import { createWebhooks } from './webhook/webhook.ts'

export interface HttpOptions {
  readonly door: Door
  readonly endpoints: readonly Endpoint[]
  /** Bearer tokens of `POST /events`; none = open to whoever reaches the port. */
  readonly eventsTokens: readonly string[]
  readonly bodyBytesMax: number
  /** Memory for the bodies of all requests in progress. */
  readonly bodiesBytesMax: number
  readonly log: Logger
  readonly metrics: Metrics
  /** Aborted = draining. */
  readonly stopping: AbortSignal
  /** Undefined: health and metrics have a port of their own. */
  readonly ops: OpsSources | undefined
}

/** The routes. They need no port, so they can be asked directly. */
export function createHttp(options: HttpOptions): Hono {
  const app = new Hono()
  watchRequests(app, options)
  const room = createBodyRoom(options.bodiesBytesMax)
  addWebhooks(app, room, options)
  addEvents(app, room, options)
  if (options.ops !== undefined) addOps(app, options.ops)
  app.notFound((context) => context.json({ error: 'not found' }, 404))
  app.onError((cause, context) => {
    options.log.error({ err: cause }, 'a request failed')
    return context.json({ error: 'internal' }, 500)
  })
  return app
}

function watchRequests(app: Hono, { metrics, stopping }: HttpOptions): void {
  const answered = metrics.counter('waybill_ingress_requests_total', 'HTTP requests by answer')
  let inProgress = 0
  metrics.gauge(
    'waybill_ingress_requests_in_progress',
    'HTTP requests in progress',
    () => inProgress,
  )
  app.use(async (context, next) => {
    inProgress++
    try {
      await next()
    } finally {
      inProgress--
    }
    // Whoever keeps the connection open would never let the server end.
    if (stopping.aborted) context.res.headers.set('connection', 'close')
    answered.add({ status: String(context.res.status) })
  })
}

function addWebhooks(app: Hono, room: BodyRoom, options: HttpOptions): void {
  const { door, endpoints, bodyBytesMax, log } = options
  const receive = createWebhooks(endpoints)
  const path = '/webhooks/:endpoint'

  app.post(path, async (context) => {
    const endpoint = context.req.param('endpoint')
    using own = room.enter()
    const body = await readBody(context.req.raw, own, bodyBytesMax)
    if (isRefusal(body)) return answerRefusal(context, body)
    const webhook = receive(endpoint, context.req.raw.headers, body)
    if (isRefusal(webhook)) {
      const { refused, reason } = webhook
      log.info({ endpoint: endpoint.slice(0, 64), refused, reason }, 'webhook refused')
      return answerRefusal(context, webhook)
    }
    const prepared = door.prepare(webhook.draft, webhook.origin)
    if (isRefusal(prepared)) return answerRefusal(context, prepared)
    return answerOne(context, await door.store(prepared))
  })
  app.all(path, (context) => context.json({ error: 'POST only' }, 405, { allow: 'POST' }))
}

function addEvents(app: Hono, room: BodyRoom, options: HttpOptions): void {
  const { door, eventsTokens, bodyBytesMax } = options
  const admits = createTokenCheck(eventsTokens)

  app.post('/events', async (context) => {
    const { raw } = context.req
    if (!admits(raw.headers.get('authorization'))) {
      context.header('www-authenticate', 'Bearer')
      return answerRefusal(context, noToken)
    }
    using own = room.enter()
    const body = await readBody(raw, own, bodyBytesMax)
    if (isRefusal(body)) return answerRefusal(context, body)
    const events = readCloudEvents(raw.headers, body)
    if (isRefusal(events)) return answerRefusal(context, events)
    const prepared = prepareAll(door, events.drafts)
    if (isRefusal(prepared)) return answerRefusal(context, prepared)
    const stored = await Promise.all(prepared.map((each) => door.store(each)))
    const [only] = stored
    if (events.isBatch || only === undefined) return answerBatch(context, stored)
    return answerOne(context, only)
  })
  app.all('/events', (context) => context.json({ error: 'POST only' }, 405, { allow: 'POST' }))
}

/** All or none: nothing is stored before everything is found valid. */
function prepareAll(door: Door, drafts: readonly EventDraft[]): readonly Prepared[] | Refusal {
  const all: Prepared[] = []
  for (const [index, draft] of drafts.entries()) {
    const prepared = door.prepare(draft, { via: 'cloudevents' })
    if (isRefusal(prepared) && drafts.length === 1) return prepared
    if (isRefusal(prepared)) return refuse(prepared.refused, `event ${index}: ${prepared.reason}`)
    all.push(prepared)
  }
  return all
}

const noToken = refuse('unauthorized', 'no or wrong bearer token')

/** Digests have one length whatever was sent, so the comparison tells nothing. */
function createTokenCheck(tokens: readonly string[]): (authorization: string | null) => boolean {
  const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()
  const wanted = tokens.map(digestOf)
  return (authorization) => {
    if (wanted.length === 0) return true
    const given = digestOf(/^bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '')
    return wanted.map((each) => timingSafeEqual(each, given)).includes(true)
  }
}

function addOps(app: Hono, ops: OpsSources): void {
  for (const path of ['/livez', '/readyz', '/metrics']) {
    app.get(path, async () => {
      const answer = await answerOps(path, ops)
      if (answer === undefined) return new Response(null, { status: 404 })
      const { status, body, type } = answer
      return new Response(body, { status, headers: { 'content-type': type } })
    })
  }
}
