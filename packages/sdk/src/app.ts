import {
  bindingKey,
  isToken,
  PermanentError,
  type AttemptRun,
  type HostedApp,
  type HostedEventType,
  type Manifest,
  type Plain,
  type WaybillEvent,
} from '@waybill/core'
import { typedEvent } from './answer.ts'
import type { Binding } from './binding.ts'
import { checkResult } from './result.ts'
import { createContext } from './context.ts'
import { createIssues, quote, type Issues } from './define/error.ts'
import { checkShared } from './define/shared.ts'
import { checkNames } from './define/settings.ts'
import { checkData, jsonSchemaOf, type EventDefinition, type TypedEvent } from './event.ts'
import { resolvePath } from './input.ts'
import { keysOf } from './key.ts'
import { judge, verdictOf } from './predicate.ts'

/** A named set of bindings that is deployed together: what a host runs. */
export type App = HostedApp<AbortSignal>

export interface AppSpec {
  /** Letters, digits, _ and -; names the app for ever. */
  readonly name: string
  readonly bindings: readonly Binding[]
  /** Event types to check where events enter, besides those that the bindings name. */
  readonly events?: readonly EventDefinition[]
}

/** @throws DefinitionError when names collide or one event type has two schemas */
export function defineApp(spec: AppSpec): App {
  const events = checkApp(spec)
  const { name, bindings } = spec
  const hosted = new Map(bindings.map((binding) => [binding.definition.hash, binding]))
  return {
    name,
    definitions: bindings.map(({ definition }) => definition),
    events: [...events.values()].map(hostedEventType),
    hosts: (hash) => hosted.has(hash),
    verdict(manifest, event) {
      // What a guard before the predicate decides is not judged (rule 3.1).
      if (event.chain.depth > manifest.maxChainDepth) {
        return { binding: bindingKey(manifest), result: 'unjudged' }
      }
      return {
        binding: bindingKey(manifest),
        ...verdictOf(manifest, hosted.get(manifest.hash), event),
      }
    },
    keys: (manifest, event) => keysOf(manifest, hosted.get(manifest.hash), event),
    judge: (manifest, event, signal) => judge(codeOf(manifest), event, signal),
    async run(manifest, run) {
      const binding = codeOf(manifest)
      const events = eventsOf(binding, run)
      const input = inputOf(binding, events[0])
      const context = createContext({ app: name, binding: binding.id, run, events, input })
      return checkResult(await binding.code.handler(context))
    },
  }

  function codeOf(manifest: Manifest): Binding {
    const binding = hosted.get(manifest.hash)
    if (!binding)
      throw new Error(`no code for ${bindingKey(manifest)} (${manifest.hash}) in ${name}`)
    return binding
  }
}

function checkApp(spec: AppSpec): ReadonlyMap<string, EventDefinition> {
  const issues = createIssues()
  checkNames('', spec, ['name', 'bindings', 'events'], issues)
  const { name, bindings, events = [] } = spec
  if (typeof name !== 'string' || !isToken(name)) {
    const hint = '1 to 64 letters, digits, _ and -'
    issues.add('definition.type', 'name', `${quote(name)} is no name`, hint)
  } else if (name.startsWith('_')) {
    const hint = "names that begin with _ are Waybill's own"
    issues.add('definition.range', 'name', `${quote(name)} is taken`, hint)
  }
  const isList = Array.isArray(bindings) && bindings.length > 0
  if (!isList) {
    const hint = 'bindings: [defineBinding({ ... })]'
    issues.add('definition.missing', 'bindings', 'an app needs bindings', hint)
  }
  const named = isList ? checkBindings(bindings, issues) : []
  const types = checkEvents([...named, ...events], issues)
  issues.settle(`app ${quote(name)}`)
  return types
}

/** The event types that the bindings name. */
function checkBindings(bindings: readonly Binding[], issues: Issues): EventDefinition[] {
  const ids = new Set<string>()
  const events: EventDefinition[] = []
  for (const [at, binding] of bindings.entries()) {
    const path = `bindings[${at}]`
    if (!isBinding(binding)) {
      issues.add('definition.type', path, 'is no binding', 'make it with defineBinding')
      continue
    }
    if (ids.has(binding.id)) {
      const hint = 'each binding needs an id of its own'
      issues.add('definition.duplicate', `${path}.id`, `${binding.id} is taken`, hint)
    }
    ids.add(binding.id)
    events.push(...binding.events)
  }
  checkShared(bindings.filter(isBinding), issues)
  return events
}

function checkEvents(
  events: readonly EventDefinition[],
  issues: Issues,
): ReadonlyMap<string, EventDefinition> {
  const types = new Map<string, EventDefinition>()
  for (const event of events) {
    const { type, schema } = event
    if ((types.get(type) ?? event).schema !== schema) {
      const hint = 'define each event once and share the definition'
      issues.add('definition.conflict', `events.${type}`, 'has two schemas', hint)
    }
    types.set(type, event)
  }
  return types
}

function isBinding(value: unknown): value is Binding {
  return typeof value === 'object' && value !== null && 'definition' in value && 'code' in value
}

function hostedEventType({ type, schema }: EventDefinition): HostedEventType {
  return {
    type,
    // JSON by definition of what it is; the type of a schema is wider.
    jsonSchema: JSON.parse(JSON.stringify(jsonSchemaOf(schema))) as Plain,
    check(data) {
      const checked = checkData(schema, data)
      return checked.ok ? undefined : checked.problem
    },
  }
}

/** Its own event first, then those that it stands for. */
function eventsOf(binding: Binding, run: AttemptRun<AbortSignal>): [TypedEvent, ...TypedEvent[]] {
  const [, ...others] = run.batch ?? []
  return [checkedEvent(binding, run.event), ...others.map((one) => checkedEvent(binding, one))]
}

function checkedEvent(binding: Binding, event: WaybillEvent): TypedEvent {
  const typed = typedEvent(binding, event)
  if (typed.ok) return typed.value
  throw new PermanentError(`data of ${event.type} refused: ${typed.problem}`)
}

function inputOf({ inputs }: Binding, event: TypedEvent): Readonly<Record<string, unknown>> {
  const input: Record<string, unknown> = {}
  for (const [name, path] of inputs) {
    const resolved = resolvePath(event, path)
    if (!resolved.found) throw new PermanentError(`input ${name}: no ${resolved.missing}`)
    input[name] = resolved.value
  }
  return input
}
