import { z } from 'zod'
import { CodecError } from './codec.ts'

/** How an attempt can fail (SEMANTICS 4.1): decided once, at the adapter, never from text. */
export const attemptClass = z.enum([
  'permanent',
  'retryable',
  'timeout',
  'cancelled',
  'denied',
  'lost',
  'rate_limited',
])
export type AttemptClass = z.infer<typeof attemptClass>

/** What a dead letter is grouped by (SEMANTICS 11). */
export const causeClass = z.enum([
  'timeout',
  'auth',
  'upstream_5xx',
  'rate_limited',
  'budget',
  'predicate',
  'handler',
  'poison',
  'loop',
  'lost',
  'unknown',
])
export type CauseClass = z.infer<typeof causeClass>

/** No wait in the system is longer: the longest life of a dispatch. */
export const waitMsMax = 30 * 24 * 3_600_000

export const attemptError = z.strictObject({
  class: attemptClass,
  name: z.string().max(128),
  message: z.string().max(8192),
  code: z.string().max(128).optional(),
  causeClass: causeClass.optional(),
  /** The other side asked for at least this pause. */
  afterMs: z.int().nonnegative().max(waitMsMax).optional(),
  /** Where in the result or the input, as in `data.items[3].price`. */
  path: z.string().max(512).optional(),
})
export type AttemptError = z.infer<typeof attemptError>

/** Faults of infrastructure: never again, maybe later, or a bug of ours that must be seen. */
export type Fault =
  | { readonly kind: 'terminal'; readonly code: string }
  | { readonly kind: 'retryable'; readonly code: string; readonly afterMs?: number }
  | { readonly kind: 'defect'; readonly code: string }

/** Registered, so that it holds across copies of this package and worker threads. */
const brand: unique symbol = Symbol.for('waybill.attempt.class')

/** Thrown by a handler: no further attempt would help. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError'
  readonly [brand] = 'permanent'
}

/** Thrown by a handler: try again, but not before `afterMs`. */
export class RetryAfter extends Error {
  override readonly name: string = 'RetryAfter'
  readonly [brand] = 'retryable'
  readonly afterMs: number

  constructor(afterMs: number, message = `retry after ${afterMs} ms`, options?: ErrorOptions) {
    super(message, options)
    this.afterMs = clampMs(afterMs) ?? 0
  }
}

/**
 * A status that is no success; undefined: the answer never came. Rule 4.1: transport, 408, 425,
 * 429 and 5xx may pass, everything else will be the same next time.
 */
export function classifyHttp(
  status: number | undefined,
  retryAfterMs?: number,
): Pick<AttemptError, 'class' | 'causeClass' | 'afterMs'> {
  const afterMs = clampMs(retryAfterMs)
  const after = afterMs === undefined ? {} : { afterMs }
  if (status === undefined) return { class: 'retryable', causeClass: 'unknown', ...after }
  if (status === 429) return { class: 'rate_limited', causeClass: 'rate_limited', ...after }
  if (status === 408) return { class: 'retryable', causeClass: 'timeout', ...after }
  if (status === 425) return { class: 'retryable', causeClass: 'handler', ...after }
  if (status >= 500) return { class: 'retryable', causeClass: 'upstream_5xx', ...after }
  return { class: 'permanent', causeClass: status === 401 || status === 403 ? 'auth' : 'handler' }
}

/**
 * Whatever a handler threw, as plain data of at most `bytesMax` (not under 512) encoded bytes.
 * Never throws, whatever the thrown value does when it is looked at.
 */
export function normaliseThrown(thrown: unknown, bytesMax = 8192): AttemptError {
  const budget = Math.max(512, bytesMax)
  const nameMax = Math.min(128, budget >> 4)
  const pathMax = Math.min(512, budget >> 3)
  // What is left when every other field is as long as it may be, with 128 for keys and headers.
  const messageMax = Math.min(8192, budget - 2 * nameMax - pathMax - 128)
  const code = textOf(field(thrown, 'code'))
  const path = field(thrown, 'path')
  return {
    ...classOf(thrown),
    name: cut(textOf(field(thrown, 'name')) || kindOf(thrown), nameMax),
    message: cut(messageOf(thrown), messageMax),
    ...(code === undefined ? {} : { code: cut(code, nameMax) }),
    ...(typeof path === 'string' ? { path: cut(path, pathMax) } : {}),
  }
}

function classOf(thrown: unknown): Pick<AttemptError, 'class' | 'causeClass' | 'afterMs'> {
  const branded = field(thrown, brand)
  const afterMs = clampMs(field(thrown, 'afterMs'))
  if (branded === 'permanent') return { class: 'permanent', causeClass: 'handler' }
  if (branded === 'retryable')
    return {
      class: 'retryable',
      causeClass: 'handler',
      ...(afterMs === undefined ? {} : { afterMs }),
    }
  // What can't be encoded now can't be encoded next time (rule 4.5).
  if (isCodecError(thrown)) return { class: 'permanent', causeClass: 'handler' }
  if (isTimeout(thrown)) return { class: 'timeout', causeClass: 'timeout' }
  return { class: 'retryable', causeClass: 'handler' }
}

const timeoutCodes: ReadonlySet<unknown> = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])

/** `TimeoutError` is the name the platform gives what AbortSignal.timeout throws. */
function isTimeout(thrown: unknown): boolean {
  return field(thrown, 'name') === 'TimeoutError' || timeoutCodes.has(field(thrown, 'code'))
}

function isCodecError(thrown: unknown): boolean {
  try {
    return thrown instanceof CodecError
  } catch {
    return false // a proxy that throws when asked for its prototype
  }
}

const causesMax = 4

/** Causes are part of the message: the deepest one is often the only one that explains. */
function messageOf(thrown: unknown): string {
  const parts: string[] = []
  let at: unknown = thrown
  for (let i = 0; i <= causesMax; i++) {
    parts.push(clip(oneMessage(at)))
    at = field(at, 'cause')
    if (at === undefined || at === null) break
  }
  return parts.join(' <- ')
}

function oneMessage(thrown: unknown): string {
  const message = field(thrown, 'message')
  if (typeof message === 'string') return message
  return isObject(thrown)
    ? `thrown ${kindOf(thrown)} with ${keysOf(thrown)}`
    : `thrown ${textOf(thrown) ?? kindOf(thrown)}`
}

function keysOf(thrown: object): string {
  try {
    const keys = Object.keys(thrown).slice(0, 8)
    return keys.length === 0
      ? 'no fields'
      : `fields ${keys.map((key) => key.slice(0, 64)).join(', ')}`
  } catch {
    return 'fields that cannot be read'
  }
}

function kindOf(thrown: unknown): string {
  return thrown === null ? 'null' : typeof thrown
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return 'a bigint' // its digits may be millions
  const isShort =
    typeof value === 'number' || typeof value === 'boolean' || typeof value === 'symbol'
  return isShort ? String(value) : undefined
}

function field(of: unknown, key: string | symbol): unknown {
  if (!isObject(of)) return undefined
  try {
    return Reflect.get(of, key)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function clampMs(ms: unknown): number | undefined {
  if (typeof ms !== 'number' || Number.isNaN(ms)) return undefined
  return Math.min(waitMsMax, Math.max(0, Math.ceil(ms)))
}

/** Before anything walks it: 10 MB are thrown away whole. */
const clip = (text: string): string => text.slice(0, 8192)

/** Well-formed text of at most `bytesMax` bytes of UTF-8. */
function cut(text: string, bytesMax: number): string {
  const whole = text.slice(0, bytesMax).replace(/\p{Surrogate}/gu, '\ufffd')
  let size = 0
  let end = 0
  let room = 0 // the longest prefix that leaves place for the ellipsis
  for (const character of whole) {
    const point = character.codePointAt(0) ?? 0
    size += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
    if (size > bytesMax) return `${whole.slice(0, room)}…`
    end += character.length
    if (size <= bytesMax - 3) room = end
  }
  return text.length > bytesMax ? `${whole.slice(0, room)}…` : whole
}

/** What every error of Waybill says: what happened, where, why, and what to do next. */
export interface Explanation {
  /** As in WB1004; documented, stable, never reused. */
  readonly code: string
  readonly what: string
  readonly where?: string | undefined
  readonly why?: string | undefined
  readonly next?: string | undefined
}

export class WaybillError extends Error implements Explanation {
  override readonly name: string = 'WaybillError'
  readonly code: string
  readonly what: string
  readonly where: string | undefined
  readonly why: string | undefined
  readonly next: string | undefined

  constructor({ code, what, where, why, next }: Explanation, options?: ErrorOptions) {
    super(`${code} ${what}`, options)
    this.code = code
    this.what = what
    this.where = where
    this.why = why
    this.next = next
  }

  render(): string {
    const lines = [`${this.code} ${this.what}`]
    for (const part of ['where', 'why', 'next'] as const) {
      if (this[part] !== undefined) lines.push(`  ${`${part}:`.padEnd(6)} ${this[part]}`)
    }
    return lines.join('\n')
  }
}
