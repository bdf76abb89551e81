import type { LimitKeys, Manifest, Predicate, WaybillEvent } from '@waybill/core'
import { sha256 } from '@waybill/log'
import { call, cut, dataShape, evaluate, isThenable, typedEvent, type Typed } from './answer.ts'
import type { Binding, BindingCode } from './binding.ts'

export type Keyed =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly reason: string }

/** The binding's own key. Undefined: only code that is not here can tell. */
export function keyOf(
  key: Predicate,
  code: Binding | undefined,
  event: WaybillEvent,
): Keyed | undefined {
  return keyWith(key, code?.code.key, subjectOf(code, event))
}

/** One key for each limit of the manifest, in its order. Never throws. */
export function keysOf(
  { flow }: Manifest,
  code: Binding | undefined,
  event: WaybillEvent,
): LimitKeys | undefined {
  const subject = subjectOf(code, event)
  const keys: (string | undefined)[] = []
  for (const [at, { name, key }] of (flow?.limits ?? []).entries()) {
    const keyed = key ? keyWith(key, code?.code.keys?.[at], subject) : keyless
    if (!keyed) return undefined
    if (!keyed.ok) return { ok: false, reason: cut(`${name}: ${keyed.reason}`) }
    keys.push(keyed.value)
  }
  return { ok: true, keys }
}

const keyless = { ok: true, value: undefined } as const

/** What keys are computed of: the event, and its data as the schema gives it out, when asked for. */
interface Subject {
  readonly code: Binding | undefined
  readonly event: WaybillEvent
  typed(): Typed | undefined
}

function subjectOf(code: Binding | undefined, event: WaybillEvent): Subject {
  let typed: Typed | undefined
  return { code, event, typed: () => (typed ??= code && typedEvent(code, event)) }
}

function keyWith(
  key: Predicate,
  run: BindingCode['key'],
  { code, event, typed }: Subject,
): Keyed | undefined {
  if (key.kind === 'cel') return textOf(evaluate(key.text, event, dataShape(code, event.type)))
  const subject = typed()
  return subject && textOf(call(subject, run))
}

function textOf(answer: ReturnType<typeof call>): Keyed {
  if (!answer.ok) return answer
  const { value } = answer
  if (isThenable(value)) return { ok: false, reason: 'it is a promise: keys are computed at once' }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return noKey
  const isKey = ['string', 'boolean', 'bigint', 'number'].includes(typeof value)
  return isKey ? { ok: true, value: shortened(String(value)) } : noKey
}

const noKey: Keyed = { ok: false, reason: 'it is no text, integer or boolean' }

const keyMax = 256
/**
 * Long keys keep their beginning, for people, and a hash of the whole, for being the same key. Half
 * a character, of a function or of the cut, could not be recorded.
 */
function shortened(key: string): string {
  const text =
    key.length <= keyMax ? key : `${key.slice(0, keyMax - 33)}~${sha256.text(key).slice(0, 32)}`
  return text.toWellFormed()
}
