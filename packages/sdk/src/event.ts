import { eventDraft, type WaybillEvent } from '@waybill/core'
import { z } from 'zod'
import { createIssues, quote } from './define/error.ts'

/** An event type with the schema of its data; made by `defineEvent`. */
export interface EventDefinition<
  Type extends string = string,
  Schema extends z.ZodType = z.ZodType,
> {
  readonly type: Type
  readonly schema: Schema
}

/** An event whose type and data are known. */
export type TypedEvent<Type extends string = string, Data = unknown> = Omit<
  WaybillEvent,
  'type' | 'data'
> & { readonly type: Type; readonly data: Data }

/** What a binding listens to: a type, several types, or a pattern whose data is unknown. */
export type Trigger = EventDefinition | string | readonly (EventDefinition | string)[]

export type EventOf<On> = On extends readonly (infer One)[]
  ? EventOf<One>
  : On extends EventDefinition<infer Type, infer Schema>
    ? TypedEvent<Type, z.output<Schema>>
    : TypedEvent

/**
 * @param type dot-separated tokens, as in `order.placed`
 * @param schema of `data`; checked where events enter and again before a handler sees them
 */
export function defineEvent<const Type extends string, Schema extends z.ZodType>(
  type: Type,
  schema: Schema,
): EventDefinition<Type, Schema> {
  const issues = createIssues()
  if (!eventDraft.shape.type.safeParse(type).success) {
    const hint = 'dot-separated tokens of letters, digits, _ and -, as in order.placed'
    issues.add('definition.type', 'type', `${quote(type)} is no event type`, hint)
  }
  // Asked of JavaScript users only: anything that can parse will do.
  if (typeof (schema as Partial<z.ZodType> | undefined)?.safeParse !== 'function') {
    const hint = 'a zod schema, as in z.object({ id: z.string() })'
    issues.add('definition.type', 'schema', 'is no schema', hint)
  }
  issues.settle(`event ${quote(type)}`)
  return { type, schema }
}

/** Of what may be sent, so the schema's input side; what JSON Schema can't say is anything. */
export function jsonSchemaOf(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
}

export type CheckedData =
  | { readonly ok: true; readonly data: unknown }
  | { readonly ok: false; readonly problem: string }

/** The data as the schema gives it out, or what is wrong and where. */
export function checkData(schema: z.ZodType, data: unknown): CheckedData {
  const parsed = schema.safeParse(data)
  if (parsed.success) return { ok: true, data: parsed.data }
  return { ok: false, problem: z.prettifyError(parsed.error) }
}
