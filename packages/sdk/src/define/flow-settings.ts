import type { Duration } from './duration.ts'

/**
 * What belongs together under a limit: CEL over `event`, as in `event.data.customer`, or a
 * synchronous function. Without one a limit is for all events of the binding together.
 */
export type Key<Event> = string | ((event: Event) => string)

/** What becomes of an event whose key is busy: it waits, takes over, or is skipped. */
export type KeyPolicy = 'queue' | 'interrupt' | 'reject'

/**
 * Whose dispatches count together: those of this binding (default), or of every binding of the app,
 * or of all apps, that names the same limit.
 */
type Sharing =
  | { readonly scope?: 'binding'; readonly name?: string }
  | { readonly scope: 'app' | 'global'; readonly name: string }

type Keyed<Event> = { readonly key?: Key<Event> }

export interface BatchSettings<Event> extends Keyed<Event> {
  /** Events that are handled together at most. */
  readonly size: number
  /** How long after the first of them to wait for more. */
  readonly timeout: Duration
  /** Encoded events, together. */
  readonly maxBytes?: number
}

export type DebounceSettings<Event> = {
  /** Of quiet, before the newest of a row runs. */
  readonly period: Duration
  /** After the first of a row the newest runs, quiet or not. */
  readonly maxWait?: Duration
} & (
  | { readonly key: Key<Event> }
  /** All events of the binding are one row: of all that come in a burst, one runs. */
  | { readonly all: true }
)

export type WindowSettings<Event> = Keyed<Event> &
  Sharing & {
    /** Dispatches within any `period`. */
    readonly max: number
    readonly period: Duration
  }

export interface SingletonSettings<Event> extends Keyed<Event> {
  /** What becomes of who comes while one is active: it is skipped, or takes over. */
  readonly mode: 'skip' | 'replace'
}

export type ConcurrencySettings<Event> = Keyed<Event> &
  Sharing & {
    /** Dispatches at a time. */
    readonly max: number
  }

type OneOrMore<Settings> = Settings | readonly Settings[]

/** Flow control: what has to be so before a dispatch may run its first attempt. */
export interface FlowSettings<Event> {
  /** One dispatch of a key at a time, in the order of the events; the key is the binding's own. */
  readonly key?: KeyPolicy | { readonly key?: Key<Event>; readonly policy: KeyPolicy }
  /** Several events in one run of the handler. Goes with `concurrency` only. */
  readonly batch?: BatchSettings<Event>
  /** Of events that come in a row, only the newest. */
  readonly debounce?: DebounceSettings<Event>
  /** Over it, events are skipped. */
  readonly rateLimit?: OneOrMore<WindowSettings<Event>>
  /** Over it, events wait. */
  readonly throttle?: OneOrMore<WindowSettings<Event>>
  /** One at a time, the others are skipped or take over. */
  readonly singleton?: SingletonSettings<Event>['mode'] | SingletonSettings<Event>
  /** So many at a time, the others wait. A number is for all events of the binding together. */
  readonly concurrency?: OneOrMore<number | ConcurrencySettings<Event>>
  /** Keep permits of `singleton` and `concurrency` during the pause before a retry. */
  readonly holdWhileRetrying?: boolean
}
