import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { ApiClient } from '../client.ts'
import {
  type EachName,
  type EndpointName,
  endpointNames,
  endpoints,
  type OneName,
  type RequestOf,
} from '../contract.ts'
import { ApiError, defect, invalid } from '../error.ts'
import { fromJson, toJson } from '../json.ts'
import { answerError, forbidden, noSuchPath, notTaken, signedOut } from './error.ts'
import { openApi } from './openapi.ts'
import { type JsonSchema, object, requestSchema } from './schema.ts'
import { may, type User } from './user.ts'

export interface HttpApiOptions {
  readonly client: ApiClient
  readonly version: string
  readonly bodyBytesMax: number
  /** Who asks; undefined: nobody is signed in. */
  readonly userOf: (context: Context) => User | undefined
  /** Of what is asked; throws what may not be asked like this. */
  readonly checkRequest: (request: Readonly<Record<string, unknown>>) => void
  /** Of what is answered: the rest of it is shown to whoever asked. */
  readonly redact: (answer: unknown) => unknown
  /** Told of every answer that is our own bug. */
  readonly onDefect: (error: ApiError) => void
}

/**
 * The contract over HTTP, as a part of somebody's server: `POST /<endpoint>` for all,
 * `GET /<endpoint>?field=value` for queries, `GET /openapi.json`. Needs no port.
 */
export function createHttpApi(options: HttpApiOptions): Hono {
  const api = new Hono()
  const description = openApi(options.version)
  const schemas = new Map(endpointNames.map((name) => [name, requestSchema(name)]))
  api.get('/openapi.json', (context) => context.json(description))
  api.get('/:endpoint', (context) => {
    const name = endpointOf(context)
    if (endpoints[name].kind === 'command') throw notTaken(405, 'POST only', { allow: 'POST' })
    return answer(context, name, asked(context, schemas.get(name) ?? {}), options)
  })
  api.post('/:endpoint', limited(options), async (context) => {
    const name = endpointOf(context)
    const user = userFor(context, name, options)
    return answer(context, name, { ...(await bodyOf(context)) }, options, user)
  })
  api.all('/:endpoint', (context) => {
    const allow = endpoints[endpointOf(context)].kind === 'query' ? 'GET, POST' : 'POST'
    throw notTaken(405, `${context.req.method} means nothing here`, { allow })
  })
  api.notFound((context) => answerError(noSuchPath(context.req.path)))
  api.onError((cause) => answerError(errorOf(cause, options)))
  return api
}

/** For routes beside these that say what went wrong in the same way. */
export function errorOf(cause: unknown, { onDefect }: Pick<HttpApiOptions, 'onDefect'>): ApiError {
  const why =
    cause instanceof Error ? `${cause.name}: ${cause.message}` : 'something odd was thrown'
  const error = cause instanceof ApiError ? cause : defect(why, { cause })
  if (error.kind === 'defect') onDefect(error)
  return error
}

const limited = ({ bodyBytesMax }: Pick<HttpApiOptions, 'bodyBytesMax'>) =>
  bodyLimit({
    maxSize: bodyBytesMax,
    onError() {
      throw notTaken(413, `the body may have ${bodyBytesMax} bytes`, { connection: 'close' })
    },
  })

function endpointOf(context: Context): EndpointName {
  const name = context.req.param('endpoint') ?? ''
  if (!Object.hasOwn(endpoints, name)) throw noSuchPath(context.req.path)
  return name as EndpointName // it is a key of it
}

/** A role is looked at before the body is: who may not do it has nothing to say about it. */
function userFor(context: Context, name: EndpointName, { userOf }: HttpApiOptions): User {
  const user = userOf(context)
  if (user === undefined) throw signedOut()
  const { kind } = endpoints[name]
  const needed = kind === 'query' ? 'viewer' : 'operator'
  if (may(user.role, needed)) return user
  throw forbidden('role', `${user.name} is ${user.role}, ${name} needs ${needed}`, { where: name })
}

/** The body as JSON. A form that another site sends can have no such content type. */
export async function bodyOf(context: Context): Promise<Readonly<Record<string, unknown>>> {
  const type = context.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw notTaken(415, 'content-type: application/json')
  const text = await context.req.text()
  const body = text === '' ? {} : parsed(text)
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    return body as Record<string, unknown>
  }
  throw invalid('the body is not a JSON object')
}

function parsed(text: string): unknown {
  try {
    return fromJson(text)
  } catch {
    throw invalid('the body is not JSON')
  }
}

/** What stands in the address, read by the schema: text alone cannot tell 7 from "7". */
function asked(context: Context, schema: JsonSchema): Record<string, unknown> {
  const fields = object(schema)
  const given = Object.entries(context.req.queries())
  return Object.fromEntries(
    given.map(([field, values]) => [field, valueOf(field, values, fields[field])]),
  )
}

function valueOf(field: string, values: readonly string[], schema: JsonSchema = {}): unknown {
  if (schema.type === 'array') return values
  const [value = '', ...more] = values
  if (more.length > 0) throw invalid('it is given twice', field)
  return scalars.get(schema.type)?.(value) ?? value
}

/** What is none stays text, and the schema says so. */
const scalars = new Map<unknown, (text: string) => unknown>([
  ['integer', numberOf],
  ['number', numberOf],
  ['boolean', (text) => ({ true: true, false: false })[text]],
])

function numberOf(text: string): number | undefined {
  return text === '' ? undefined : Number(text)
}

async function answer(
  context: Context,
  name: EndpointName,
  request: Record<string, unknown>,
  options: HttpApiOptions,
  user = userFor(context, name, options),
): Promise<Response> {
  options.checkRequest(request)
  const traceparent = context.req.header('traceparent')
  const call = traceparent === undefined ? {} : { traceparent }
  const whole = signed(name, request, user)
  const response = await ask(options.client, name, whole, call)
  return new Response(toJson(options.redact(response)), { headers: jsonHeaders })
}

const jsonHeaders = { 'content-type': 'application/json', 'cache-control': 'no-store' }

/** Commands name who did it: whoever is signed in, and nobody else. */
function signed(name: EndpointName, request: Record<string, unknown>, { name: by }: User) {
  if (!('by' in endpoints[name].request.shape)) return request
  if (request['by'] !== undefined && request['by'] !== by) {
    throw forbidden('by', `it is done by ${by}, who is signed in`, { where: 'by' })
  }
  return { ...request, by }
}

async function ask(
  client: ApiClient,
  name: EndpointName,
  request: Record<string, unknown>,
  call: { traceparent?: string },
): Promise<unknown> {
  // The client checks the request against the schema of the name, so its type is settled there.
  if (endpoints[name].answeredBy !== 'each') {
    return client.call(name as OneName, request, call)
  }
  const each = request as RequestOf<EachName>
  return { answers: await client.callEach(name as EachName, each, call) }
}
