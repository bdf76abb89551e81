import type { z } from 'zod'

/**
 * What CEL knows about a value before it sees it. `dyn` is "anything"; an open object may have
 * fields that nobody declared.
 */
export type Shape =
  | { readonly kind: 'int' | 'double' | 'string' | 'bool' | 'timestamp' | 'dyn' }
  | { readonly kind: 'list'; readonly item: Shape }
  | { readonly kind: 'map'; readonly value: Shape }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Shape>; readonly open: boolean }

export type ObjectShape = Extract<Shape, { kind: 'object' }>

export type JsonSchema = z.core.JSONSchema.JSONSchema

export const dyn: Shape = { kind: 'dyn' }
const int: Shape = { kind: 'int' }
const text: Shape = { kind: 'string' }
const double: Shape = { kind: 'double' }
const timestamp: Shape = { kind: 'timestamp' }

/** By the names of JSON Schema. */
const scalars: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ['integer', int],
  ['number', double],
  ['string', text],
  ['boolean', { kind: 'bool' }],
])

/** Of the form that is stored, so call it with the schema's input side. What it can't say is dyn. */
export function shapeOf(schema: JsonSchema | boolean | undefined): Shape {
  if (schema === undefined || typeof schema === 'boolean') return dyn
  const variants = schema.anyOf ?? schema.oneOf
  if (variants) return unionOf(variants.map(shapeOf))
  const values = schema.const === undefined ? schema.enum : [schema.const]
  if (values) return unionOf(values.map(shapeOfValue))
  if (schema.type === 'object') return objectShape(schema)
  if (schema.type === 'array') return { kind: 'list', item: itemShape(schema.items) }
  return scalars.get(String(schema.type)) ?? dyn
}

/** The event as an expression sees it: the envelope, with this data. */
export function eventShape(data: Shape): Shape {
  return object({
    id: text,
    type: text,
    source: text,
    tenant: text,
    subject: text,
    time: timestamp,
    receivedAt: timestamp,
    dedupeKey: text,
    partitionKey: text,
    headers: { kind: 'map', value: text },
    chain: object({ root: text, depth: int, path: { kind: 'list', item: text }, parent: text }),
    signature: object({ state: text, reason: text }),
    data,
  })
}

/** One of several: what they agree on stays known. */
export function unionOf(shapes: readonly Shape[]): Shape {
  const [first, ...others] = shapes
  return first === undefined ? dyn : others.reduce(either, first)
}

export function fieldOf(shape: Shape | undefined, name: string): Shape | undefined {
  if (shape?.kind === 'object') return shape.fields.get(name) ?? (shape.open ? dyn : undefined)
  if (shape?.kind === 'map') return shape.value
  return shape?.kind === 'dyn' ? dyn : undefined
}

function either(a: Shape, b: Shape): Shape {
  if (a.kind === 'list' && b.kind === 'list') return { kind: 'list', item: either(a.item, b.item) }
  if (a.kind === 'map' && b.kind === 'map') return { kind: 'map', value: either(a.value, b.value) }
  if (a.kind === 'object' && b.kind === 'object') return eitherObject(a, b)
  return a.kind === b.kind ? a : dyn
}

function eitherObject(a: ObjectShape, b: ObjectShape): Shape {
  const fields = new Map(a.fields)
  for (const [name, shape] of b.fields) {
    const known = fields.get(name)
    fields.set(name, known === undefined ? shape : either(known, shape))
  }
  return { kind: 'object', fields, open: a.open || b.open }
}

function objectShape(schema: z.core.JSONSchema.BaseSchema): Shape {
  const { properties, additionalProperties } = schema
  if (!properties || Object.keys(properties).length === 0) {
    return typeof additionalProperties === 'object'
      ? { kind: 'map', value: shapeOf(additionalProperties) }
      : dyn
  }
  const fields = new Map(Object.entries(properties).map(([name, one]) => [name, shapeOf(one)]))
  const open = typeof additionalProperties === 'object' || additionalProperties === true
  return { kind: 'object', fields, open }
}

function itemShape(items: JsonSchema['items']): Shape {
  return Array.isArray(items) ? dyn : shapeOf(items)
}

function shapeOfValue(value: unknown): Shape {
  if (typeof value === 'number') return Number.isInteger(value) ? int : double
  return scalars.get(typeof value) ?? dyn
}

const object = (fields: Record<string, Shape>): Shape => ({
  kind: 'object',
  fields: new Map(Object.entries(fields)),
  open: false,
})
