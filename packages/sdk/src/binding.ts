import type { Definition } from '@waybill/core'
import type { HandlerContext } from './context.ts'
import { checkBinding } from './define/binding.ts'
import type { CircuitSettings } from './define/circuit.ts'
import type { FlowSettings, Key } from './define/flow-settings.ts'
import type { RetrySpec } from './define/retry.ts'
import type { TimeoutSpec } from './define/timeouts.ts'
import type { EventDefinition, EventOf, Trigger, TypedEvent } from './event.ts'
import type { InputOf, InputPath, Leading } from './input.ts'

/** Whether a predicate matched; `reason` is what `skipped` and `explain` show. */
export type Judgement = boolean | { readonly matched: boolean; readonly reason?: string }

export interface PredicateContext {
  /** Aborted when the predicate's time is over. */
  readonly signal: AbortSignal
}

export interface BindingSpec<On extends Trigger, Paths extends Readonly<Record<string, string>>> {
  /** Letters, digits, _ and -; names the binding for ever. */
  readonly id: string
  readonly on: On
  /**
   * CEL over `event`, as in `event.data.total > 100`, or a function. An asynchronous function runs
   * like an attempt: after the dispatch has begun, once, recorded.
   */
  readonly when?:
    | string
    | ((event: EventOf<On>, context: PredicateContext) => Judgement | Promise<Judgement>)
  /** What the event is about, for people and for `flow.key`: CEL or a synchronous function. */
  readonly key?: Key<EventOf<On>>
  /** How many run at a time, how often, and which of those that come. */
  readonly flow?: FlowSettings<EventOf<On>>
  /**
   * What the handler calls: while that fails, dispatches wait until one has tried. A text is the
   * destination itself, as in 'payments-api'.
   */
  readonly circuit?: string | CircuitSettings<EventOf<On>>
  /** Name -> path into the event; resolved before the attempt, a missing one is a permanent error. */
  readonly input?: Paths & Leading<EventOf<On>, Paths>
  readonly retry?: RetrySpec
  readonly timeouts?: TimeoutSpec
  readonly priority?: 'critical' | 'high' | 'normal' | 'low'
  /** Where a permanent error leads: `dlq` (default) or `fail`. */
  readonly onPermanentError?: 'dlq' | 'fail'
  /** Run each attempt alone in a child process, which can be killed. */
  readonly isolate?: boolean
  /** Events deeper in a chain than this are refused; default 16. */
  readonly maxChainDepth?: number
  readonly handler: (context: HandlerContext<EventOf<On>, InputOf<EventOf<On>, Paths>>) => unknown
}

/** The functions of a binding, with the types that only their author knew taken off. */
export interface BindingCode {
  readonly when?: ((event: TypedEvent, context: PredicateContext) => unknown) | undefined
  readonly key?: ((event: TypedEvent) => unknown) | undefined
  /** Of each limit, in the manifest's order; undefined where it has no key or one in CEL. */
  readonly keys?: readonly (((event: TypedEvent) => unknown) | undefined)[] | undefined
  readonly handler: (
    context: HandlerContext<TypedEvent, Readonly<Record<string, unknown>>>,
  ) => unknown
}

/** A binding that was checked; made by `defineBinding`, handed to `defineApp`. */
export interface Binding {
  readonly id: string
  readonly definition: Definition
  /** Event types that `on` names with a schema. */
  readonly events: readonly EventDefinition[]
  readonly inputs: ReadonlyMap<string, InputPath>
  readonly code: BindingCode
}

/** @throws DefinitionError with every unknown, contradictory or wrong setting */
export function defineBinding<
  const On extends Trigger,
  const Paths extends Readonly<Record<string, string>> = Readonly<Record<string, never>>,
>(spec: BindingSpec<On, Paths>): Binding {
  const { keys, ...parts } = checkBinding(spec)
  const { when, key, handler } = spec
  const code = {
    when: typeof when === 'function' ? when : undefined,
    key: typeof key === 'function' ? key : undefined,
    keys,
    handler,
  }
  // Types end here: whatever calls these checks the event against its schema before.
  return { ...parts, code: code as unknown as BindingCode }
}
