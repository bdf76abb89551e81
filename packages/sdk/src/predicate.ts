import type { Manifest, Predicate, Verdict, WaybillEvent } from '@waybill/core'
import { sha256 } from '@waybill/log'
import type { Binding, BindingCode, Judgement } from './binding.ts'
import { compileCel, type CelAnswer } from './cel/program.ts'
import { dyn, shapeOf, type Shape } from './cel/shape.ts'
import { checkData, jsonSchemaOf, type EventDefinition, type TypedEvent } from './event.ts'

type Verdicts = Omit<Verdict, 'binding'>

/** What can be judged at once, with the key. Never throws; `code` is undefined where it is not here. */
export function verdictOf(
  manifest: Manifest,
  code: Binding | undefined,
  event: WaybillEvent,
): Verdicts {
  const judged = manifest.when ? judgeNow(manifest.when, code, event) : matched
  if (judged.result !== 'matched' && judged.result !== 'ask') return judged
  if (!manifest.key) return judged
  const key = keyOf(manifest.key, code, event)
  if (key.ok)
    return key.value === undefined ? { ...judged, result: 'ask' } : { ...judged, key: key.value }
  return { result: 'error', reason: cut(`key: ${key.reason}`) }
}

/** A predicate that is an effect. Throws what the function throws, so that it is retried or recorded. */
export async function judge(
  binding: Binding,
  event: WaybillEvent,
  signal: AbortSignal,
): Promise<{ matched: boolean; reason?: string }> {
  const { when } = binding.code
  if (!when) throw new Error(`${binding.id} has no predicate to ask`)
  const typed = typedEvent(binding, event)
  if (!typed.ok) throw new Error(`data of ${event.type} refused: ${typed.problem}`)
  const judgement = judgementOf(await when(typed.value, { signal }))
  if (!judgement) throw new Error('the predicate answered neither true nor false')
  return judgement
}

export type Typed =
  | { readonly ok: true; readonly value: TypedEvent }
  | { readonly ok: false; readonly problem: string }

/** The event with its data as the schema of its type gives it out. */
export function typedEvent({ events }: Binding, event: WaybillEvent): Typed {
  const definition = events.find(({ type }) => type === event.type)
  if (!definition) return { ok: true, value: event }
  const checked = checkData(definition.schema, event.data)
  return checked.ok ? { ok: true, value: { ...event, data: checked.data } } : checked
}

const matched: Verdicts = { result: 'matched' }

function judgeNow(when: Predicate, code: Binding | undefined, event: WaybillEvent): Verdicts {
  if (when.kind === 'cel') return judgeCel(when.text, code, event)
  if (when.async || !code) return { result: 'ask' }
  const answer = call(code, event, code.code.when)
  if (!answer.ok) return { result: 'error', reason: cut(answer.reason) }
  if (isThenable(answer.value)) return { result: 'ask' }
  const judgement = judgementOf(answer.value)
  if (!judgement)
    return { result: 'error', reason: 'the predicate answered neither true nor false' }
  if (judgement.matched) return matched
  return { result: 'filtered', reason: cut(judgement.reason ?? 'the predicate said no') }
}

function judgeCel(text: string, code: Binding | undefined, event: WaybillEvent): Verdicts {
  const data = code ? dataShape(code, event.type) : dyn
  const answer = evaluate(text, event, data)
  if (!answer.ok) return { result: 'error', reason: cut(answer.reason) }
  if (answer.value === true) return matched
  if (answer.value !== false)
    return { result: 'error', reason: 'the filter is neither true nor false' }
  return { result: 'filtered', reason: cut(compileCel(text).falseClause(event, data)) }
}

/** Undefined: only code that is not here can tell. */
function keyOf(key: Predicate, code: Binding | undefined, event: WaybillEvent): Keyed {
  if (key.kind === 'function' && !code) return { ok: true, value: undefined }
  const answer = keyAnswer(key, code, event)
  if (!answer.ok) return answer
  const { value } = answer
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return noKey
  const isKey = ['string', 'boolean', 'bigint', 'number'].includes(typeof value)
  return isKey ? { ok: true, value: shortened(String(value)) } : noKey
}

type Keyed =
  | { readonly ok: true; readonly value: string | undefined }
  | { readonly ok: false; readonly reason: string }

const noKey: Keyed = { ok: false, reason: 'it is no text, integer or boolean' }

function keyAnswer(key: Predicate, code: Binding | undefined, event: WaybillEvent): Answer {
  if (key.kind === 'cel') return evaluate(key.text, event, code ? dataShape(code, event.type) : dyn)
  return code ? call(code, event, code.code.key) : noKey
}

function evaluate(text: string, event: WaybillEvent, data: Shape): CelAnswer {
  try {
    return compileCel(text).evaluate(event, data)
  } catch (cause) {
    // A manifest of another build, with CEL that this one does not take.
    return { ok: false, reason: messageOf(cause) }
  }
}

type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string }

function call(code: Binding, event: WaybillEvent, run: BindingCode['when']): Answer {
  const typed = typedEvent(code, event)
  if (!typed.ok) return { ok: false, reason: typed.problem }
  try {
    return { ok: true, value: run?.(typed.value, { signal: never }) }
  } catch (cause) {
    return { ok: false, reason: messageOf(cause) }
  }
}

/** A predicate that answers at once cannot be stopped. */
const never = new AbortController().signal

function judgementOf(value: unknown): { matched: boolean; reason?: string } | undefined {
  if (typeof value === 'boolean') return { matched: value }
  const { matched, reason } = (value ?? {}) as Partial<Exclude<Judgement, boolean>>
  if (typeof matched !== 'boolean') return undefined
  return typeof reason === 'string' ? { matched, reason: cut(reason) } : { matched }
}

function isThenable(value: unknown): boolean {
  if (!(value instanceof Promise)) return false
  // It is asked again as an effect; this first answer is nobody's.
  value.catch(() => undefined)
  return true
}

const shapes = new WeakMap<EventDefinition, Shape>()

function dataShape({ events }: Binding, type: string): Shape {
  const definition = events.find((one) => one.type === type)
  if (!definition) return dyn
  let shape = shapes.get(definition)
  if (!shape) shapes.set(definition, (shape = shapeOf(jsonSchemaOf(definition.schema))))
  return shape
}

const keyMax = 256
/** Long keys keep their beginning, for people, and a hash of the whole, for being the same key. */
function shortened(key: string): string {
  return key.length <= keyMax
    ? key
    : `${key.slice(0, keyMax - 33)}~${sha256.text(key).slice(0, 32)}`
}

const reasonMax = 500
/** Half a surrogate pair cannot be encoded. */
function cut(reason: string): string {
  return (reason.length > reasonMax ? `${reason.slice(0, reasonMax - 1)}…` : reason).toWellFormed()
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : `threw ${typeof cause}`
}
