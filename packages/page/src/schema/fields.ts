/** JSON Schema, as far as a form can show it; what it cannot show is typed as JSON. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly title?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
}

export type Kind = 'object' | 'list' | 'choice' | 'flag' | 'number' | 'text' | 'raw'

const deepest = 6

/** What a `$ref` within the document means. One that leads nowhere, or to itself, is anything. */
export function resolved(schema: Schema, root: Schema, depth = 0): Schema {
  if (schema.$ref === undefined) return schema
  const [, name = ''] = /^#\/\$defs\/(.+)$/.exec(schema.$ref) ?? []
  const meant = schema.$ref === '#' ? root : root.$defs?.[name]
  return meant === undefined || depth >= deepest ? {} : resolved(meant, root, depth + 1)
}

const texts: Readonly<Record<string, Kind>> = {
  object: 'object',
  array: 'list',
  boolean: 'flag',
  number: 'number',
  integer: 'number',
  string: 'text',
}

/** Which control shows it. */
export function kindOf(schema: Schema): Kind {
  if (choicesOf(schema) !== undefined) return 'choice'
  const { type, anyOf, oneOf, allOf, properties, items } = schema
  if (anyOf ?? oneOf ?? allOf) return 'raw'
  const kind = (typeof type === 'string' ? texts[type] : undefined) ?? 'raw'
  const lacks = { object: properties === undefined, list: items === undefined }
  return kind in lacks && lacks[kind as keyof typeof lacks] ? 'raw' : kind // a key of it
}

/** The few values that it may have, if it may have a few only. */
export function choicesOf(schema: Schema): readonly unknown[] | undefined {
  if (schema.const !== undefined) return [schema.const]
  if (schema.enum) return schema.enum
  const forms = schema.anyOf ?? schema.oneOf
  return forms?.every((one) => one.const !== undefined) === true
    ? forms.map((one) => one.const)
    : undefined
}

/**
 * Something to begin with: what the schema gives as example or default, else as little as it asks
 * for. What a person has to know (a number, a name) is left open and stays missing until typed.
 */
export function sampleOf(schema: Schema, root: Schema = schema, depth = 0): unknown {
  const known = resolved(schema, root)
  const given = known.examples?.[0] ?? known.default
  if (given !== undefined) return given
  const choices = choicesOf(known)
  if (choices !== undefined) return choices[0]
  if (known.properties === undefined || depth >= deepest) return emptyOf(known)
  const named = Object.entries(known.properties).flatMap(([name, one]) => {
    const isWanted = known.required?.includes(name) === true
    const inner = resolved(one, root)
    if (!isWanted && inner.examples === undefined && inner.default === undefined) return []
    const value = sampleOf(one, root, depth + 1)
    return value === undefined ? [] : [[name, value] as const]
  })
  return Object.fromEntries(named)
}

function emptyOf({ type }: Schema): unknown {
  if (type === 'object') return {}
  return type === 'array' ? [] : undefined
}

export type Path = readonly (string | number)[]

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null
        ? (inner as Readonly<Record<string | number, unknown>>)[step]
        : undefined,
    value,
  )
}

/** The same value with another part; undefined takes the part away. */
export function withAt(value: unknown, path: Path, part: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return part
  const inner = withAt(valueAt(value, [step]), rest, part)
  if (typeof step === 'number') {
    const list: unknown[] = Array.isArray(value) ? [...(value as unknown[])] : []
    if (inner === undefined) list.splice(step, 1)
    else list[step] = inner
    return list
  }
  const { [step]: _, ...others } = isRecord(value) ? value : {}
  if (inner === undefined) return others
  // A part that is there keeps its place among the others.
  return isRecord(value) && step in value
    ? { ...value, [step]: inner }
    : { ...others, [step]: inner }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `items[0].sku`, as errors name it. */
export const pathText = (path: Path): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`,
    '',
  )
