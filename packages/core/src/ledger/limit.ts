import { z } from 'zod'
import { hashParts, slotOf, token, type Hash } from '../id.ts'
import { rule, type Rule } from './rule.ts'

/** Whom a ledger is shared by: dispatches of a binding, of an app, of every app. */
export const scope = z.enum(['binding', 'app', 'global'])
export type Scope = z.infer<typeof scope>

/** Limits of one name and scope are one limit, whichever binding names it. */
export const limit = z.strictObject({
  name: token,
  scope,
  rule,
})
export type Limit = z.infer<typeof limit>

/** The app that leads the ledgers of scope `global`; no app of a user can have this name. */
export const sharedApp = '_shared'

/** `<binding>/<name>`, `@app/<name>` or `@global/<name>`: which limit, whatever the key. */
export function labelOf(binding: string, { name, scope: wide }: Pick<Limit, 'name' | 'scope'>) {
  return wide === 'binding' ? `${binding}/${name}` : `@${wide}/${name}`
}

/** The limit that keeps the order of a key (SEMANTICS 3.6) has this name. */
export const keyLimit = 'key'

const kinds: readonly Rule['kind'][] = [
  'batch',
  'debounce',
  'rateLimit',
  'throttle',
  'singleton',
  'concurrency',
  'circuit',
]
const scopes: readonly Scope[] = ['binding', 'app', 'global']

/**
 * Every dispatch takes its limits in this one order: what only counts or waits before what is held,
 * and the widest permit last, so it is held shortest: of one scope, a key's before everybody's, or
 * a busy key would hold permits that others could use. One order for all is why none can deadlock.
 */
export function byOrder(a: Ranked, b: Ranked): number {
  return rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
}

type Ranked = Limit & { readonly key?: unknown }

function rankOf({ name, scope: wide, rule: { kind }, key }: Ranked): number {
  const held = kind === 'singleton' || kind === 'concurrency'
  const rank = name === keyLimit && held ? kinds.indexOf('singleton') - 0.5 : kinds.indexOf(kind)
  return rank * scopes.length + scopes.indexOf(wide) + (key === undefined ? 0.5 : 0)
}

/** Where a limit's ledger is for one event; computed where the event is read, then recorded. */
export const place = z.strictObject({
  ledger: z.string().max(256),
  slot: z.int().nonnegative(),
  /** As the event has it; undefined where the limit has no key. */
  key: z.string().max(256).optional(),
  /** Size of the encoded event, for limits that count bytes. */
  bytes: z.int().nonnegative().optional(),
})
export type Place = z.infer<typeof place>

export interface Placing {
  readonly hash: Hash
  readonly slots: number
  readonly binding: string
  readonly tenant: string
}

/**
 * Keyed ledgers are a tenant's own and live where the events of that partition key live; one without
 * a key is everybody's.
 */
export function placeOf(limited: Limit, key: string | undefined, placing: Placing): Place {
  const { hash, slots, binding, tenant } = placing
  const label = labelOf(binding, limited)
  if (key === undefined) return { ledger: label, slot: slotOf(hash, '', label, slots) }
  const digest = hashParts(hash, tenant, key).slice(0, 24)
  return { ledger: `${label}/${digest}`, slot: slotOf(hash, tenant, key, slots), key }
}

/** The label in a ledger's id. */
export function labelIn(ledger: string): string {
  const end = ledger.indexOf('/', ledger.indexOf('/') + 1)
  return end === -1 ? ledger : ledger.slice(0, end)
}
