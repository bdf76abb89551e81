import {
  ClosedConnectionError,
  errors,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
} from '@nats-io/nats-core'
import { z } from 'zod'
import {
  type EachName,
  type EndpointName,
  endpoints,
  endpointSubject,
  type OneName,
  type RequestOf,
  type ResponseOf,
} from './contract.ts'
import { ApiError, apiErrorBody, defect, invalid, issuesOf, unavailable } from './error.ts'
import { fromJson, toJson } from './json.ts'

export interface ApiClientOptions {
  /** First token of every subject, `wb` unless configured. */
  readonly prefix?: string
  readonly timeoutMs?: number
}

export interface CallOptions {
  readonly timeoutMs?: number
  readonly traceparent?: string
}

/** Throws `ApiError` only: what the service answered, or `unavailable` with the reason. */
export interface ApiClient {
  call<K extends OneName>(
    name: K,
    request: RequestOf<K>,
    options?: CallOptions,
  ): Promise<ResponseOf<K>>
  /** Asks every instance; ends when no more answer. At least one, else `unavailable`. */
  callEach<K extends EachName>(
    name: K,
    request: RequestOf<K>,
    options?: CallOptions,
  ): Promise<readonly ResponseOf<K>[]>
}

/** How long after an answer the next instance may keep silent before it counts as absent. */
const eachStallMs = 500

export function createApiClient(nc: NatsConnection, options: ApiClientOptions = {}): ApiClient {
  const { prefix = 'wb' } = options
  const timeoutOf = (call: CallOptions): number => call.timeoutMs ?? options.timeoutMs ?? 5000

  return {
    async call(name, request, call = {}) {
      const { body, app } = checked(name, request)
      const subject = endpointSubject(prefix, name, app)
      const timeout = timeoutOf(call)
      try {
        return read(name, await nc.request(subject, body, { timeout, headers: headersOf(call) }))
      } catch (cause) {
        throw explained(cause, name, app, timeout)
      }
    },
    async callEach(name, request, call = {}) {
      const { body } = checked(name, request)
      const subject = endpointSubject(prefix, name)
      const maxWait = timeoutOf(call)
      const asked = { strategy: 'stall', maxWait, stall: eachStallMs, headers: headersOf(call) }
      try {
        const answers: ResponseOf<typeof name>[] = []
        for await (const message of await nc.requestMany(subject, body, asked as Many)) {
          answers.push(read(name, message))
        }
        if (answers.length === 0) throw new errors.TimeoutError()
        return answers
      } catch (cause) {
        throw explained(cause, name, undefined, maxWait)
      }
    },
  }
}

/** The strategies are a literal type that inference widens. */
type Many = NonNullable<Parameters<NatsConnection['requestMany']>[2]>

/** Checked before it leaves: a mistake needs no service to be found. */
function checked(name: EndpointName, request: unknown): { body: string; app?: string } {
  const { request: schema, answeredBy } = endpoints[name]
  const asked = schema.safeParse(request)
  if (!asked.success) throw invalid(issuesOf(asked.error), name)
  const body = toJson(asked.data)
  if (answeredBy !== 'app') return { body }
  return { body, app: appRequest.parse(asked.data).app }
}

/** Endpoints that an app answers for name it in their request. */
const appRequest = z.object({ app: z.string() })

function read<K extends EndpointName>(name: K, message: Msg): ResponseOf<K> {
  const isError = message.headers?.get('Nats-Service-Error-Code')
  const body = parsed(message)
  if (isError) throw errorOf(body, message)
  const answer = endpoints[name].response.safeParse(body)
  if (!answer.success) {
    throw defect(`the answer of ${name} is not what the contract says: ${issuesOf(answer.error)}`)
  }
  return answer.data as ResponseOf<K> // the schema was looked up by K
}

function parsed(message: Msg): unknown {
  try {
    return fromJson(message.string())
  } catch {
    return undefined
  }
}

/** An error without our body comes from another kind of service, or from a newer one. */
function errorOf(body: unknown, message: Msg): ApiError {
  const known = apiErrorBody.safeParse(body)
  if (known.success) return new ApiError(known.data)
  return defect(`an error without a reason: ${message.headers?.get('Nats-Service-Error')}`)
}

function explained(
  cause: unknown,
  name: EndpointName,
  app: string | undefined,
  timeoutMs: number,
): ApiError {
  if (cause instanceof ApiError) return cause
  const { owner } = endpoints[name]
  const service = owner === 'every' ? 'waybill service' : owner
  if (isNoResponders(cause)) {
    const why = app === undefined ? `no ${service} is running` : `no ${service} hosts app ${app}`
    const next = `start it: waybill ${owner === 'every' ? 'dev' : owner}`
    return unavailable(why, { where: name, next }, { cause })
  }
  if (isA(cause, errors.TimeoutError)) {
    return unavailable(`no ${service} answered within ${timeoutMs} ms`, { where: name }, { cause })
  }
  if (cause instanceof ClosedConnectionError) {
    return unavailable('the connection is closed', { where: name }, { cause })
  }
  const why = cause instanceof Error ? cause.message : 'something odd was thrown'
  return unavailable(why, { where: name }, { cause })
}

const isNoResponders = (cause: unknown): boolean => isA(cause, errors.NoRespondersError)

/** Requests wrap what happened in a RequestError. */
function isA(cause: unknown, kind: new (...args: never[]) => Error): boolean {
  return cause instanceof kind || (cause instanceof Error && cause.cause instanceof kind)
}

function headersOf(call: CallOptions): MsgHdrs {
  const fields = headers()
  if (call.traceparent !== undefined) fields.set('traceparent', call.traceparent)
  return fields
}
