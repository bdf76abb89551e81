import type { WaybillEvent } from '@waybill/core'
import type { Binding, BindingCode } from './binding.ts'
import { compileCel, type CelAnswer } from './cel/program.ts'
import { dyn, shapeOf, type Shape } from './cel/shape.ts'
import { checkData, jsonSchemaOf, type EventDefinition, type TypedEvent } from './event.ts'

/** What CEL or a user's function made of an event. */
export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string }

export function evaluate(text: string, event: WaybillEvent, data: Shape): CelAnswer {
  try {
    return compileCel(text).evaluate(event, data)
  } catch (cause) {
    // A manifest of another build, with CEL that this one does not take.
    return { ok: false, reason: messageOf(cause) }
  }
}

/** A function that answers at once; a promise is an answer here too, which its asker must judge. */
export function call(typed: Typed, run: BindingCode['when'] | BindingCode['key']): Answer {
  if (!typed.ok) return { ok: false, reason: typed.problem }
  try {
    return { ok: true, value: run?.(typed.value, { signal: never }) }
  } catch (cause) {
    return { ok: false, reason: messageOf(cause) }
  }
}

/** What answers at once cannot be stopped. */
const never = new AbortController().signal

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

export function isThenable(value: unknown): boolean {
  if (!(value instanceof Promise)) return false
  // This answer is nobody's: whatever it rejects with must not end the process.
  value.catch(() => undefined)
  return true
}

const shapes = new WeakMap<EventDefinition, Shape>()

/** @param code undefined where it is not here: then nothing is known of the data */
export function dataShape(code: Binding | undefined, type: string): Shape {
  const definition = code?.events.find((one) => one.type === type)
  if (!definition) return dyn
  let shape = shapes.get(definition)
  if (!shape) shapes.set(definition, (shape = shapeOf(jsonSchemaOf(definition.schema))))
  return shape
}

const reasonMax = 500
/** Half a surrogate pair cannot be encoded. */
export function cut(reason: string): string {
  return (reason.length > reasonMax ? `${reason.slice(0, reasonMax - 1)}…` : reason).toWellFormed()
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : `threw ${typeof cause}`
}
