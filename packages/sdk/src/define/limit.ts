import {
  isToken,
  keyLimit,
  rule,
  type KeyedLimit,
  type Rule,
  type RuleKind,
  type Scope,
} from '@waybill/core'
import type { Shape } from '../cel/shape.ts'
import { quote, type Issues } from './error.ts'
import { keyOf } from './predicate.ts'
import { checkNames, inMs, isObject } from './settings.ts'

export type KeyFunction = (event: never) => unknown

/** A limit with the place where it was written and the function that its key may be. */
export interface DraftLimit {
  readonly limit: KeyedLimit
  readonly path: string
  readonly run: KeyFunction | undefined
}

/** What an author can set as a limit of a binding. */
type LimitKind = Extract<
  RuleKind,
  'batch' | 'debounce' | 'rateLimit' | 'throttle' | 'singleton' | 'concurrency'
>

type Settings = Readonly<Record<string, unknown>>

interface Kind {
  /** Setting -> field of the rule; durations end in Ms there. */
  readonly fields: Readonly<Record<string, string>>
  /** May several bindings share it, and one binding have several? */
  readonly shared: boolean
  /** What a value that is no object stands for. */
  readonly short?: (value: unknown) => Settings | undefined
  readonly example: string
}

const window = { max: 'max', period: 'periodMs' }
const kinds: { readonly [K in LimitKind]: Kind } = {
  batch: {
    fields: { size: 'size', timeout: 'timeoutMs', maxBytes: 'bytesMax' },
    shared: false,
    example: "as in { size: 100, timeout: '5s' }",
  },
  debounce: {
    fields: { period: 'periodMs', maxWait: 'maxWaitMs' },
    shared: false,
    example: "as in { key: 'event.data.id', period: '10s' }",
  },
  rateLimit: { fields: window, shared: true, example: "as in { max: 100, period: '1m' }" },
  throttle: { fields: window, shared: true, example: "as in { max: 100, period: '1m' }" },
  singleton: {
    fields: { mode: 'mode' },
    shared: false,
    short: (mode) => (typeof mode === 'string' ? { mode } : undefined),
    example: "'skip', 'replace', or an object as in { key: 'event.data.id', mode: 'skip' }",
  },
  concurrency: {
    fields: { max: 'max' },
    shared: true,
    short: (max) => (typeof max === 'number' ? { max } : undefined),
    example: "5, or an object as in { max: 1, key: 'event.data.id' }",
  },
}

/** The limits that one setting asks for; those that something is wrong with are left out. */
export function limitsOf(
  kind: LimitKind,
  given: unknown,
  data: Shape,
  issues: Issues,
): readonly DraftLimit[] {
  if (given === undefined) return []
  const isList = kinds[kind].shared && Array.isArray(given)
  const list: readonly unknown[] = isList ? given : [given]
  return list.flatMap((one, at) => {
    const path = isList ? `flow.${kind}[${at}]` : `flow.${kind}`
    const name = at === 0 ? kind : `${kind}-${at + 1}`
    const limit = limitOf({ kind, path, name, data, issues }, one)
    return limit ? [limit] : []
  })
}

interface Place {
  readonly kind: LimitKind
  readonly path: string
  /** What it is called where the author says nothing. */
  readonly name: string
  readonly data: Shape
  readonly issues: Issues
}

function limitOf(place: Place, given: unknown): DraftLimit | undefined {
  const { kind, path, data, issues } = place
  const { fields, shared, short, example } = kinds[kind]
  const settings = isObject(given) ? given : short?.(given)
  if (!settings)
    return issues.add('definition.type', path, `${quote(given)} is no ${kind}`, example)
  const before = issues.all.length
  const others = kind === 'debounce' ? ['key', 'all'] : shared ? ['key', 'scope', 'name'] : ['key']
  checkNames(`${path}.`, settings, [...Object.keys(fields), ...others], issues)
  if (kind === 'debounce') checkRow(path, settings, issues)
  const key = keyOf(`${path}.key`, settings['key'], data, issues)
  const sharing = sharingOf(place, settings)
  const checked = ruleOf(place, settings)
  if (!checked || issues.all.length > before) return undefined
  const limit = { ...sharing, rule: checked, ...(key && { key }) }
  return { limit, path, run: functionIn(settings['key']) }
}

export const functionIn = (key: unknown): KeyFunction | undefined =>
  typeof key === 'function' ? (key as KeyFunction) : undefined

/** Forgetting the key of a debounce would lose events that have nothing to do with each other. */
function checkRow(path: string, { key, all }: Settings, issues: Issues): void {
  if (all !== undefined && all !== true) issues.add('definition.type', `${path}.all`, 'is not true')
  if (key === undefined && all === undefined) {
    const hint = "what makes a row, as in 'event.data.id', or all: true when one event runs of all"
    issues.add('definition.missing', `${path}.key`, 'of which row it is the newest', hint)
  }
  if (key !== undefined && all !== undefined) {
    issues.add('definition.conflict', `${path}.all`, 'excludes key', 'leave one of them out')
  }
}

const scopes: readonly unknown[] = ['binding', 'app', 'global'] satisfies Scope[]

function sharingOf({ path, name, issues }: Place, settings: Settings) {
  const { scope = 'binding', name: given } = settings
  if (!scopes.includes(scope)) {
    const hint = "'binding', 'app' or 'global'"
    issues.add('definition.type', `${path}.scope`, `${quote(scope)} is no scope`, hint)
  } else if (scope !== 'binding' && given === undefined) {
    const hint = `whoever names it shares it, as in { scope: '${String(scope)}', name: 'mail-server' }`
    issues.add('definition.missing', `${path}.name`, 'a limit that is shared needs a name', hint)
  }
  if (given !== undefined) checkName(`${path}.name`, given, issues)
  return { name: (given ?? name) as string, scope: scope as Scope } // or there is an issue
}

function checkName(path: string, name: unknown, issues: Issues): void {
  if (typeof name !== 'string' || !isToken(name)) {
    const hint = '1 to 64 letters, digits, _ and -'
    issues.add('definition.type', path, `${quote(name)} is no name`, hint)
  }
  if (name === keyLimit) {
    const hint = "that is the name of flow.key's own limit"
    issues.add('definition.conflict', path, `${quote(name)} is taken`, hint)
  }
}

function ruleOf({ kind, path, issues }: Place, settings: Settings): Rule | undefined {
  const { fields, example } = kinds[kind]
  const values = valuesOf(path, fields, settings, issues)
  const parsed = rule.safeParse({ kind, ...values })
  for (const { path: at, message } of parsed.error?.issues ?? []) {
    const [name = ''] = Object.entries(fields).find(([, field]) => field === at[0]) ?? []
    if (settings[name] === undefined) {
      issues.add('definition.missing', `${path}.${name}`, 'is missing', example)
    } else if (values[String(at[0])] !== undefined) {
      issues.add('definition.range', `${path}.${name}`, message, example)
    } // else it is a duration that is none, which has been told
  }
  return parsed.data
}

/** By the names of the rule's fields; what is no duration is missing. */
export function valuesOf(
  path: string,
  fields: Kind['fields'],
  settings: Settings,
  issues: Issues,
): Settings {
  const values: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    const given = settings[name]
    if (given === undefined) continue
    const value = field.endsWith('Ms') ? inMs(`${path}.${name}`, given, issues) : given
    if (value !== undefined) values[field] = value
  }
  return values
}
