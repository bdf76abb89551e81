import { type ApiClient, invalid } from '@waybill/api'
import {
  answerError,
  bodyOf,
  createHttpApi,
  errorOf,
  notTaken,
  signedOut,
  type User,
} from '@waybill/api/http'
import type { Logger, Metrics } from '@waybill/service'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { allowedHosts, guard, safeHeaders } from './guard.ts'
import type { DashboardConfig } from './config.ts'
import type { Watches } from './live/watch.ts'
import { addPage } from './page.ts'
import { createRedactor, refuseMarks } from './redact.ts'
import { createWho, type Who } from './who.ts'

export interface HttpOptions {
  readonly config: DashboardConfig
  readonly version: string
  readonly client: ApiClient
  readonly watches: Watches
  /** Folder of the built page. */
  readonly page: string
  readonly log: Logger
  readonly metrics: Metrics
  /** Aborted = draining. */
  readonly stopping: AbortSignal
}

const base = '/api/v1'

/** The routes. They need no port, so they can be asked directly. */
export function createHttp(options: HttpOptions): Hono {
  const { config, log, client, version } = options
  const app = new Hono()
  const who = createWho(config)
  const onDefect = (cause: Error) => log.error({ err: cause }, 'api defect')
  watchRequests(app, options)
  app.use(safeHeaders(config.liveNats?.servers ?? []))
  app.use(guard(allowedHosts(config.httpHost, config.hosts)))
  addSession(app, who, options)
  addLive(app, who, options)
  const { bodyBytesMax } = config
  const api = createHttpApi({
    client,
    version,
    bodyBytesMax,
    userOf: who.userOf,
    checkRequest: refuseMarks,
    redact: createRedactor(config.redact),
    onDefect,
  })
  app.route(base, api)
  addPage(app, options.page)
  app.all('*', () => {
    throw notTaken(405, 'GET only', { allow: 'GET' })
  })
  app.onError((cause) => answerError(errorOf(cause, { onDefect })))
  return app
}

function watchRequests(app: Hono, { metrics, stopping, watches }: HttpOptions): void {
  const answered = metrics.counter('waybill_dashboard_requests_total', 'HTTP requests by answer')
  metrics.gauge('waybill_dashboard_live_streams', 'Open live streams', () => watches.size)
  app.use(async (context, next) => {
    await next()
    // Whoever keeps the connection open would never let the server end.
    if (stopping.aborted) context.res.headers.set('connection', 'close')
    answered.add({ status: String(context.res.status) })
  })
}

function addSession(app: Hono, who: Who, { client, version, config }: HttpOptions): void {
  const path = `${base}/session`
  let apps: readonly string[] = []
  /** The page is shown without NATS too: then it is told of the apps that there were. */
  const knownApps = async () => {
    const asked = client.call('binding.list', {}, { timeoutMs: 2000 })
    const { bindings } = await asked.catch(() => ({ bindings: undefined }))
    if (bindings) apps = [...new Set(bindings.map((binding) => binding.app))].sort()
    return apps
  }
  const { liveNats, prefix } = config
  const live = liveNats && { live: { kind: 'nats', ...liveNats, prefix } }
  const known = async () => ({ apps: await knownApps(), ...live })
  const session = async (context: Context, user: User | null) =>
    context.json(
      { user, auth: who.auth, version, ...(user === null ? { apps: [] } : await known()) },
      { headers: { 'cache-control': 'no-store' } },
    )
  app.get(path, (context) => session(context, who.userOf(context) ?? null))
  app.post(path, bodyLimit({ maxSize: Math.min(16_384, config.bodyBytesMax) }), async (context) => {
    const { token } = await bodyOf(context)
    if (typeof token !== 'string') throw invalid('it is no text', 'token')
    return session(context, who.signIn(context, token))
  })
  app.delete(path, (context) => {
    who.signOut(context)
    return context.body(null, 204)
  })
}

function addLive(app: Hono, who: Who, { watches }: HttpOptions): void {
  app.get(`${base}/live`, (context) => {
    if (who.userOf(context) === undefined) throw signedOut()
    const body = watches.open({
      apps: new Set(context.req.queries('app')),
      lastId: context.req.header('last-event-id'),
    })
    return new Response(body, {
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // What buffers in front of us would hold the events back.
        'x-accel-buffering': 'no',
      },
    })
  })
}
