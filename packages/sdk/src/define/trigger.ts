import { manifest } from '@waybill/core'
import { dyn, shapeOf, unionOf, type Shape } from '../cel/shape.ts'
import { jsonSchemaOf, type EventDefinition } from '../event.ts'
import { quote, type Issues } from './error.ts'

export interface Triggers {
  /** Types and patterns. */
  readonly on: readonly string[]
  /** Those that came with a schema. */
  readonly events: readonly EventDefinition[]
  /** What is known of the data, whichever of them it is. */
  readonly data: Shape
}

export function triggersOf(on: unknown, issues: Issues): Triggers {
  const list: readonly unknown[] = Array.isArray(on) ? on : [on]
  const types: string[] = []
  const events: EventDefinition[] = []
  for (const [at, one] of list.entries()) {
    const path = Array.isArray(on) ? `on[${at}]` : 'on'
    const type = typeOf(one, path, issues)
    if (type === undefined) continue
    if (types.includes(type)) {
      issues.add('definition.duplicate', path, `${type} is listed twice`, 'list each type once')
    }
    types.push(type)
    if (isEventDefinition(one)) events.push(one)
  }
  const shapes = events.map(({ schema }) => shapeOf(jsonSchemaOf(schema)))
  return { on: types, events, data: events.length < list.length ? dyn : unionOf(shapes) }
}

function typeOf(one: unknown, path: string, issues: Issues): string | undefined {
  const type = isEventDefinition(one) ? one.type : one
  if (manifest.shape.on.element.safeParse(type).success) return type as string // a text that fits
  const code = one === undefined ? 'definition.missing' : 'definition.type'
  const hint = "an event from defineEvent, or a pattern such as 'github.issues.*' or 'github.>'"
  return issues.add(code, path, `${quote(one)} is no event type`, hint)
}

function isEventDefinition(value: unknown): value is EventDefinition {
  return (
    typeof value === 'object' &&
    value !== null &&
    'schema' in value &&
    'type' in value &&
    typeof value.type === 'string'
  )
}
