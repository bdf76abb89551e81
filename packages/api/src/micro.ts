import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/nats-core'
import { type ServiceMsg, Svcm } from '@nats-io/services'
import {
  type Answer,
  type Asked,
  type EndpointName,
  endpointNames,
  endpoints,
  endpointSubject,
} from './contract.ts'
import { ApiError, defect, invalid, issuesOf, refused, statusOf, unavailable } from './error.ts'
import { fromJson, toJson } from './json.ts'

export interface Call {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** W3C trace context of the caller. */
  readonly traceparent: string | undefined
}

export type Handlers = {
  readonly [K in EndpointName]: (request: Asked<K>, call: Call) => Promise<Answer<K>>
}

export interface ServeOptions {
  /** What answers: `ingress`, `dispatcher`, `projector`. */
  readonly service: string
  readonly instance: string
  /** Semantic version. */
  readonly version: string
  /** First token of every subject, `wb` unless configured. */
  readonly prefix?: string
  /** Apps hosted here: their own endpoints are served for each of them. */
  readonly apps?: readonly string[]
  /** Requests in progress over all endpoints; more are answered `unavailable`. */
  readonly inFlightMax?: number
  readonly answerWithinMs?: number
  /** Told of every answer that is our own bug. */
  readonly onDefect?: (name: EndpointName, error: ApiError) => void
}

export interface ServedEndpoints extends AsyncDisposable {
  /** Resolves when it has ended: with the reason, when it was not asked to. */
  readonly stopped: Promise<Error | null>
}

/** Several services serve parts of one table under one name, so `$SRV.INFO.waybill` lists all. */
const serviceName = 'waybill'

/** Resolves once the server knows the subscriptions: from then on requests reach the handlers. */
export async function serveEndpoints(
  nc: NatsConnection,
  options: ServeOptions,
  handlers: Partial<Handlers>,
): Promise<ServedEndpoints> {
  const desk = createDesk(nc, options)
  const service = await new Svcm(nc).add({
    name: serviceName,
    version: options.version,
    description: `Waybill ${options.service}`,
    metadata: { service: options.service, instance: options.instance },
    // Empty here because an endpoint's own empty queue falls back to the service's.
    queue: '',
    statsHandler: (endpoint) => Promise.resolve(desk.stats(endpoint)),
  })
  for (const { name, app } of served(handlers, options.apps ?? [])) {
    const { answeredBy, summary } = endpoints[name]
    service.addEndpoint([...name.split('.'), ...(app === undefined ? [] : [app])].join('-'), {
      subject: endpointSubject(options.prefix ?? 'wb', name, app),
      queue: answeredBy === 'each' ? '' : 'q',
      metadata: { summary, endpoint: name },
      handler: (_error, message) => desk.take(name, handlers, message),
    })
  }
  await nc.flush()
  return {
    stopped: service.stopped,
    async [Symbol.asyncDispose]() {
      await service.stop()
      await desk.empty()
    },
  }
}

function served(
  handlers: Partial<Handlers>,
  apps: readonly string[],
): readonly { name: EndpointName; app?: string }[] {
  return endpointNames
    .filter((name) => handlers[name] !== undefined)
    .flatMap((name) =>
      endpoints[name].answeredBy === 'app' ? apps.map((app) => ({ name, app })) : [{ name }],
    )
}

interface Tally {
  requests: number
  errors: number
  lastError: string
  ms: number
}

/** Takes requests, bounds how many are in progress, answers each exactly once. */
function createDesk(nc: NatsConnection, options: ServeOptions) {
  const { inFlightMax = 256, answerWithinMs = 30_000 } = options
  const inFlight = new Set<Promise<void>>()
  const tallies = new Map<string, Tally>()

  const tallyOf = (subject: string): Tally => {
    const known = tallies.get(subject)
    if (known) return known
    const fresh = { requests: 0, errors: 0, lastError: '', ms: 0 }
    tallies.set(subject, fresh)
    return fresh
  }

  async function serve(name: EndpointName, handlers: Partial<Handlers>, message: ServiceMsg) {
    const tally = tallyOf(message.subject)
    const begun = performance.now()
    tally.requests++
    try {
      if (inFlight.size >= inFlightMax) throw busy(inFlightMax)
      respond(nc, message, await answer(name, handlers, message, answerWithinMs))
    } catch (cause) {
      const error = cause instanceof ApiError ? cause : defect(messageOf(cause), { cause })
      tally.errors++
      tally.lastError = summaryOf(error)
      if (error.kind === 'defect') options.onDefect?.(name, error)
      message.respondError(statusOf[error.kind], summaryOf(error), toJson(error.body))
    } finally {
      tally.ms += performance.now() - begun
    }
  }

  return {
    take(name: EndpointName, handlers: Partial<Handlers>, message: ServiceMsg): void {
      // A refusal to respond (the connection is closed) has nobody left to be told to.
      const work = serve(name, handlers, message).catch(() => undefined)
      inFlight.add(work)
      void work.finally(() => inFlight.delete(work))
    },
    stats(endpoint: { subject: string; stats?: object }): { inFlight: number } {
      const { requests, errors, lastError, ms } = tallyOf(endpoint.subject)
      // The library times only the synchronous part of a handler and counts none of its later
      // errors, so its numbers are put right just before it tells them.
      Object.assign(endpoint.stats ?? {}, {
        num_errors: errors,
        last_error: lastError,
        processing_time: Math.round(ms * 1e6),
        average_processing_time: Math.round((ms * 1e6) / Math.max(1, requests)),
      })
      return { inFlight: inFlight.size }
    },
    async empty(): Promise<void> {
      await Promise.all(inFlight)
      if (!nc.isClosed()) await nc.flush()
    },
  }
}

async function answer<K extends EndpointName>(
  name: K,
  handlers: Partial<Handlers>,
  message: ServiceMsg,
  withinMs: number,
): Promise<string> {
  const handler = handlers[name]
  if (handler === undefined) throw defect(`${name} has no handler here`)
  const { request, response } = endpoints[name]
  const asked = request.safeParse(bodyOf(message))
  if (!asked.success) throw invalid(issuesOf(asked.error), name)
  const signal = AbortSignal.timeout(withinMs)
  const call = { signal, traceparent: message.headers?.get('traceparent') || undefined }
  // The handler and the schema belong to the same name, which TypeScript cannot correlate.
  const answered = await within(handler(asked.data as Asked<K>, call), signal)
  const checked = response.safeParse(answered)
  if (!checked.success)
    throw defect(`the answer of ${name} is malformed: ${issuesOf(checked.error)}`)
  return toJson(checked.data)
}

function bodyOf(message: ServiceMsg): unknown {
  try {
    return message.data.length === 0 ? {} : fromJson(message.string())
  } catch {
    throw invalid('the body is not JSON')
  }
}

function respond(nc: NatsConnection, message: ServiceMsg, text: string): void {
  const bytes = new TextEncoder().encode(text)
  const room = nc.info?.max_payload ?? Infinity
  if (bytes.length > room) {
    throw refused('answer_too_large', `${bytes.length} bytes do not fit into a message of ${room}`)
  }
  message.respond(bytes, { headers: jsonHeaders() })
}

function jsonHeaders(): MsgHdrs {
  const fields = headers()
  fields.set('content-type', 'application/json')
  return fields
}

async function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const late = Promise.withResolvers<never>()
  const refuse = () => late.reject(unavailable('it took too long'))
  signal.addEventListener('abort', refuse, { once: true })
  try {
    return await Promise.race([work, late.promise])
  } finally {
    signal.removeEventListener('abort', refuse)
  }
}

const busy = (inFlightMax: number): ApiError =>
  unavailable(`${inFlightMax} requests are in progress`, { retryAfterMs: 1000 })

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? `${cause.name}: ${cause.message}` : 'something odd was thrown'

/** One line: header values may hold no breaks. */
const summaryOf = ({ message, where, why }: ApiError): string =>
  [message, where, why]
    .filter((part) => part !== undefined)
    .join(': ')
    .replace(/[\r\n]+/g, ' ')
    .slice(0, 512)
