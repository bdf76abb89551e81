import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { exitCodes, explain, ServiceError } from './fault.ts'

export interface ConfigProblem {
  /** The variable, or the flag's field when it came from there. */
  readonly name: string
  readonly why: string
  readonly hint?: string
}

export class ConfigError extends ServiceError {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super({
      code: 'WB1101',
      what: `the settings are not right: ${problems.length} problem${problems.length === 1 ? '' : 's'}`,
      why: problems
        .map(({ name, why, hint }) => `\n    ${name}: ${why}${hint ? ` (${hint})` : ''}`)
        .join(''),
      next: 'correct them and start again',
      exitCode: exitCodes.config,
    })
    this.problems = problems
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

export interface ConfigSources {
  /** `ingress`: its variables may be written `WAYBILL_INGRESS_PORT`, which wins over `WAYBILL_PORT`. */
  readonly service?: string
  /** Flags, already parsed; they win over variables. Undefined ones don't count. */
  readonly overrides?: Readonly<Record<string, unknown>>
}

/** Names of services whose own variables may stand in a shared environment. */
const services = ['ingress', 'dispatcher', 'projector', 'dashboard', 'worker', 'dev', 'cli', 'test']

/** For `main`: prints all that is wrong and ends the process with 78. */
export function loadConfig<S extends z.ZodObject>(
  schema: S,
  env: Environment,
  sources: ConfigSources = {},
): z.output<S> {
  try {
    return parseConfig(schema, env, sources)
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    process.stderr.write(`${explain(cause)}\n`)
    return process.exit(cause.exitCode)
  }
}

/**
 * Reads every setting once. A field `natsServers` is the variable `WAYBILL_NATS_SERVERS`; with
 * `_FILE` at its end the value is read from that file, for secrets. Throws `ConfigError` with all
 * that is wrong at once; it names variables and never repeats a value.
 */
export function parseConfig<S extends z.ZodObject>(
  schema: S,
  env: Environment,
  { service = '', overrides = {} }: ConfigSources = {},
): z.output<S> {
  const problems: ConfigProblem[] = []
  const given = gather(Object.keys(schema.shape), env, { service, overrides }, problems)
  const parsed = schema.safeParse(
    Object.fromEntries([...given].map(([field, it]) => [field, it.value])),
  )
  if (parsed.success && problems.length === 0) return parsed.data
  throw new ConfigError([...problems, ...complaints(parsed.error, given)])
}

function complaints(error: z.ZodError | undefined, given: Given): ConfigProblem[] {
  return (error?.issues ?? []).map(({ path, message }) => {
    const [field = '', ...inner] = path.map(String)
    const name = given.get(field)?.from ?? generalName(field)
    return { name: [name, ...inner].join('.'), why: message }
  })
}

/** What was set, and where. */
type Given = ReadonlyMap<string, { from: string; value: unknown }>

function gather(
  fields: readonly string[],
  env: Environment,
  { service, overrides }: Required<ConfigSources>,
  problems: ConfigProblem[],
): Given {
  const names = new Map(fields.flatMap((field) => namesOf(field, service).map((it) => [it, field])))
  const given = new Map<string, { from: string; value: unknown }>()
  // A service's own names come later in the table than the general ones, so they win.
  for (const [name, field] of names) {
    const value = readVariable(env, name, problems)
    if (value !== undefined) given.set(field, { from: name, value })
  }
  for (const [field, value] of Object.entries(overrides)) {
    if (!fields.includes(field)) problems.push({ name: field, why: 'no such setting' })
    else if (value !== undefined) given.set(field, { from: field, value })
  }
  problems.push(...unknownVariables(env, [...names.keys()], service))
  return given
}

/** `flag`, `numeric`, `list` and `json` read text where a flag's value is already typed. */
export const numeric = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (isText(value) && /\d/.test(value) ? Number(value) : value), schema)

export const flag = z.preprocess((value) => {
  if (!isText(value)) return value
  if (['true', '1', 'yes', 'on'].includes(value.toLowerCase())) return true
  return ['false', '0', 'no', 'off', ''].includes(value.toLowerCase()) ? false : value
}, z.boolean())

/** Comma-separated. */
export const list = <S extends z.ZodType>(item: S) =>
  z.preprocess((value) => {
    if (!isText(value)) return value
    return value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  }, z.array(item))

export const json = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value, context) => {
    if (!isText(value)) return value
    try {
      return JSON.parse(value)
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' })
      return z.NEVER
    }
  }, schema)

const isText = (value: unknown): value is string => typeof value === 'string'

const generalName = (field: string): string => `WAYBILL_${snakeOf(field)}`

function namesOf(field: string, service: string): string[] {
  const own = service === '' ? [] : [`WAYBILL_${service.toUpperCase()}_${snakeOf(field)}`]
  return [generalName(field), ...own]
}

const snakeOf = (field: string): string =>
  field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

function readVariable(
  env: Environment,
  name: string,
  problems: ConfigProblem[],
): string | undefined {
  const path = env[`${name}_FILE`]
  if (path === undefined) return env[name]
  if (env[name] !== undefined) problems.push({ name, why: `is given twice, also as ${name}_FILE` })
  try {
    return readFileSync(path, 'utf8').trimEnd()
  } catch {
    problems.push({ name: `${name}_FILE`, why: 'the file cannot be read' })
    return undefined
  }
}

function unknownVariables(
  env: Environment,
  known: readonly string[],
  service: string,
): ConfigProblem[] {
  const others = services
    .filter((name) => name !== service)
    .map((name) => `WAYBILL_${name.toUpperCase()}_`)
  return Object.keys(env)
    .filter((name) => name.startsWith('WAYBILL_'))
    .filter((name) => !known.includes(name) && !known.includes(name.replace(/_FILE$/, '')))
    .filter((name) => !others.some((prefix) => name.startsWith(prefix)))
    .map((name) => {
      const near = nearest(name, known)
      return { name, why: 'no such setting', ...(near ? { hint: `did you mean ${near}?` } : {}) }
    })
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((other) => ({ other, far: distance(name, other) }))
    .sort((a, b) => a.far - b.far)
  return best !== undefined && best.far <= 3 ? best.other : undefined
}

/** Levenshtein, one row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const before = row
    row = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (before[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(swap, (before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
    }
  }
  return row[b.length] ?? 0
}
