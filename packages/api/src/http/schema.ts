import { z } from 'zod'
import { type EndpointName, endpoints } from '../contract.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** What a request may hold over HTTP. `by` is who is signed in, so nobody says it. */
export function requestSchema(name: EndpointName): JsonSchema {
  const { by: _by, ...properties } = object(jsonSchemaOf(endpoints[name].request, 'input'))
  const { required = [], ...schema } = jsonSchemaOf(endpoints[name].request, 'input')
  const needed = required.filter((field) => field !== 'by')
  return { ...schema, properties, ...(needed.length > 0 && { required: needed }) }
}

export function responseSchema(name: EndpointName): JsonSchema {
  const schema = jsonSchemaOf(endpoints[name].response, 'output')
  if (endpoints[name].answeredBy !== 'each') return schema
  const answers = { type: 'array', minItems: 1, items: schema } as const
  return { type: 'object', properties: { answers }, required: ['answers'] }
}

export const object = (schema: JsonSchema): Readonly<Record<string, JsonSchema>> =>
  (schema.properties ?? {}) as Record<string, JsonSchema> // no field of ours is `true` or `false`

/** As JSON that has passed `toJson`: bytes are an object with one field. */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, ...made } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema._zod.def.type === 'custom' && isBytes(zodSchema))
        Object.assign(jsonSchema, bytes)
    },
  })
  return made
}

const bytes: JsonSchema = {
  type: 'object',
  properties: { $bytes: { type: 'string', contentEncoding: 'base64' } },
  required: ['$bytes'],
}

/** `z.instanceof(Uint8Array)` is a custom check like any other; only it takes bytes and no text. */
const isBytes = (schema: z.core.$ZodType): boolean =>
  z.safeParse(schema, new Uint8Array()).success && !z.safeParse(schema, '').success
