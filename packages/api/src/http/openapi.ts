import { type EndpointName, endpointNames, endpoints } from '../contract.ts'
import { apiErrorBody } from '../error.ts'
import { type JsonSchema, jsonSchemaOf, object, requestSchema, responseSchema } from './schema.ts'

export interface OpenApi {
  readonly openapi: string
  /** By path, then by method. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>
  readonly [part: string]: unknown
}

/** OpenAPI 3.1, made from the contract: an endpoint cannot be there and not be described. */
export function openApi(version: string): OpenApi {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Waybill',
      version,
      description:
        'Queries and commands of Waybill. Bytes travel as {"$bytes": base64}; times are integer ' +
        'milliseconds since 1970, UTC; `asOf` says up to which sequence of which stream an answer is true.',
    },
    servers: [{ url: '/api/v1' }],
    security: [{ session: [] }, { token: [] }, {}],
    paths: {
      ...Object.fromEntries(endpointNames.map((name) => [`/${name}`, operations(name)])),
      ...besides,
    },
    components: {
      schemas: { Error: { ...errorSchema(), description: 'Why a request was not done' } },
      responses: { Error: { description: 'It was not done', content: json(errorRef) } },
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'waybill_session' },
        token: { type: 'http', scheme: 'bearer' },
      },
    },
  }
}

function operations(name: EndpointName) {
  const { summary, kind } = endpoints[name]
  const tags = [name.slice(0, name.indexOf('.'))]
  const role = kind === 'query' ? 'viewer' : 'operator'
  const shared = { summary, tags, 'x-role': role, responses: responses(name) }
  const schema = requestSchema(name)
  const body = { required: (schema.required?.length ?? 0) > 0, content: json(schema) }
  const post = { ...shared, operationId: name, requestBody: body }
  if (kind === 'command') return { post }
  return { get: { ...shared, operationId: `${name}.get`, parameters: parameters(schema) }, post }
}

const responses = (name: EndpointName) => ({
  200: { description: 'Done', content: json(responseSchema(name)) },
  default: { $ref: '#/components/responses/Error' },
})

/** Fields of a query are flat. Lists are the field again and again: `state=dlq&state=failed`. */
const parameters = (schema: JsonSchema) =>
  Object.entries(object(schema)).map(([name, of]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: of,
  }))

const errorRef = { $ref: '#/components/schemas/Error' }

const errorSchema = (): JsonSchema => ({
  type: 'object',
  properties: { error: jsonSchemaOf(apiErrorBody, 'output') },
  required: ['error'],
})

const json = (schema: JsonSchema) => ({ 'application/json': { schema } })

const user = {
  type: ['object', 'null'],
  properties: {
    name: { type: 'string' },
    role: { type: 'string', enum: ['viewer', 'operator', 'approver'] },
  },
} as const
const session = {
  type: 'object',
  properties: {
    user,
    auth: { type: 'string', enum: ['none', 'token'] },
    apps: { type: 'array', items: { type: 'string' } },
    version: { type: 'string' },
    live: {
      description: 'Where else live updates are to be had; absent: only at /live',
      type: 'object',
      properties: {
        kind: { const: 'nats' },
        servers: { type: 'array', items: { type: 'string' } },
        user: { type: 'string' },
        pass: { type: 'string' },
        prefix: { type: 'string' },
      },
    },
  },
} as const
const fail = { $ref: '#/components/responses/Error' }

/** What HTTP has and the contract has not. */
const besides = {
  '/session': {
    get: {
      summary: 'Who is signed in',
      operationId: 'session.get',
      tags: ['session'],
      security: [{}],
      responses: { 200: { description: 'Done', content: json(session as unknown as JsonSchema) } },
    },
    post: {
      summary: 'Signs in; the cookie is the session',
      operationId: 'session.begin',
      tags: ['session'],
      security: [{}],
      requestBody: {
        required: true,
        content: json({
          type: 'object',
          properties: { token: { type: 'string' } },
          required: ['token'],
        }),
      },
      responses: {
        200: { description: 'Done', content: json(session as unknown as JsonSchema) },
        default: fail,
      },
    },
    delete: {
      summary: 'Signs out',
      operationId: 'session.end',
      tags: ['session'],
      responses: { 204: { description: 'Done' }, default: fail },
    },
  },
  '/live': {
    get: {
      summary: 'Server-sent events: `bundle`, `status`, `reset`',
      operationId: 'live',
      tags: ['live'],
      parameters: [
        {
          name: 'app',
          in: 'query',
          required: false,
          schema: { type: 'array', items: { type: 'string' } },
        },
        { name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } },
      ],
      responses: {
        200: { description: 'A stream', content: { 'text/event-stream': {} } },
        default: fail,
      },
    },
  },
} as const
