import { z } from 'zod'

/**
 * Ids say where a thing lives: `<generation>-<slot>-<32 hex>`. They are hashes of what makes the
 * thing the same thing, so whoever meets it again, after a crash or on another machine, arrives
 * at the same id. sha-256 is injected: nothing in this package knows a platform.
 */
export interface Hash {
  /** Lower-case hex sha-256 (64 digits) of the text's UTF-8. */
  text(input: string): string
  bytes(input: Uint8Array): string
}

/** Parts carry their length, so ('ab', 'c') and ('a', 'bc') never meet. */
export function hashParts(hash: Hash, ...parts: readonly string[]): string {
  return hash.text(parts.map((part) => `${part.length}:${part}`).join(''))
}

export interface EventIdentity {
  readonly hash: Hash
  readonly generation: number
  readonly slots: number
  readonly tenant: string
  readonly source: string
  readonly dedupeKey: string
  /** Events of one key share a slot, and so their order is kept; without one they spread. */
  readonly partitionKey?: string | undefined
}

export function eventIdOf(identity: EventIdentity): { id: string; slot: number } {
  const { hash, generation, slots, tenant, source, dedupeKey, partitionKey } = identity
  const digest = hashParts(hash, tenant, source, dedupeKey).slice(0, digestLength)
  const slot =
    partitionKey === undefined
      ? slotOfDigest(digest, slots)
      : slotOf(hash, tenant, partitionKey, slots)
  return { id: `${generation}-${slot}-${digest}`, slot }
}

export interface DispatchIdentity {
  readonly hash: Hash
  readonly app: string
  /** Without its version: a hot reload must not dispatch the same event twice. */
  readonly binding: string
  readonly event: string
  /**
   * Where the event lies, `<sequence>/<index>`. An id that comes again after the dedupe window is
   * another event with the same name: without its place, a dispatch would live twice.
   */
  readonly place: string
  /** 0 for the first dispatch of the event; for a rerun the letter that asked for it. */
  readonly rerun: number | string
}

/** In its event's slot, whose prefix it takes over. */
export function dispatchIdOf(identity: DispatchIdentity): string {
  const { hash, app, binding, event, place, rerun } = identity
  const slot = event.slice(0, event.lastIndexOf('-'))
  return `${slot}-${hashParts(hash, app, binding, event, place, String(rerun)).slice(0, digestLength)}`
}

/** The slot of whatever is shared under a key: a partition key, the key of a ledger. */
export function slotOf(hash: Hash, tenant: string, key: string, slots: number): number {
  return slotOfDigest(hashParts(hash, tenant, key), slots)
}

function slotOfDigest(digest: string, slots: number): number {
  return Number.parseInt(digest.slice(0, 8), 16) % slots
}

const digestLength = 32
const idPattern = /^(0|[1-9]\d{0,8})-(0|[1-9]\d{0,8})-([0-9a-f]{32})$/

/** Event and dispatch ids alike. */
export function parseId(
  id: string,
): { generation: number; slot: number; hash: string } | undefined {
  const [, generation, slot, hash] = idPattern.exec(id) ?? []
  if (hash === undefined) return undefined
  return { generation: Number(generation), slot: Number(slot), hash }
}

/** `dispatch` may be the partition itself, where an effect is no dispatch's in particular. */
export function effectId(dispatch: string, transition: number, ordinal: number): string {
  return `${dispatch}:${transition}:${ordinal}`
}

const effectPattern = /^([^:\s]{1,160}):(0|[1-9]\d{0,14}):(0|[1-9]\d{0,14})$/

export function parseEffectId(
  id: string,
): { dispatch: string; transition: number; ordinal: number } | undefined {
  const [, dispatch, transition, ordinal] = effectPattern.exec(id) ?? []
  if (dispatch === undefined) return undefined
  return { dispatch, transition: Number(transition), ordinal: Number(ordinal) }
}

const tokenPattern = /^[A-Za-z0-9_-]{1,64}$/

/** Safe as one token of a NATS subject; the server itself takes `log.*` as a literal name. */
export function isToken(text: string): boolean {
  return tokenPattern.test(text)
}

export const token = z.string().regex(tokenPattern)
export const eventId = z.string().regex(idPattern)
export const dispatchId = z.string().regex(idPattern)
export const hex64 = z.string().regex(/^[0-9a-f]{64}$/)
