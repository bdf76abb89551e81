import type { Manifest } from './binding.ts'
import type { Plain } from './codec.ts'
import type { EventDraft, WaybillEvent } from './event.ts'
import type { Verdict } from './partition/entry.ts'

/** A binding as code defines it; the version is given when it is deployed. */
export type Definition = Omit<Manifest, 'version'>

/**
 * What one run of a handler holds in its hand. `Signal` is the platform's AbortSignal, which core
 * cannot name.
 */
export interface AttemptRun<Signal> {
  readonly dispatch: string
  readonly event: WaybillEvent
  /** All events that it stands for, its own first, where it leads a batch (rule 7.1). */
  readonly batch?: readonly WaybillEvent[] | undefined
  /** From 1. */
  readonly attempt: number
  /** Events that it stands for, its own included: the members of a batch, those that a debounce left out. */
  readonly standsFor?: number | undefined
  /** The same over all attempts and redrives of this dispatch. */
  readonly idempotencyKey: string
  /** `<dispatch>:<attempt>:<journal sequence>`: rises with every attempt, for targets that fence. */
  readonly fencingToken: string
  /** Epoch ms at which the attempt is over. */
  readonly deadline: number
  readonly signal: Signal
  /** Stores an event with the chain carried on; resolves when the log has it. */
  send(draft: EventDraft): Promise<string>
}

/** An event type the app registers, to be checked where events enter. */
export interface HostedEventType {
  readonly type: string
  readonly jsonSchema: Plain
  /** Undefined when `data` is right, else what is wrong and where. */
  check(data: Plain): string | undefined
}

/**
 * The key of each limit of a manifest's `flow`, in its order; undefined for one that has no key.
 * `reason` names the limit whose key could not be had.
 */
export type LimitKeys =
  | { readonly ok: true; readonly keys: readonly (string | undefined)[] }
  | { readonly ok: false; readonly reason: string }

/**
 * An app as a host sees it: what only code can answer. `sdk` builds it from a user's definitions,
 * tests build it by hand. Nothing in it may keep state.
 */
export interface HostedApp<Signal = unknown> {
  readonly name: string
  readonly definitions: readonly Definition[]
  readonly events: readonly HostedEventType[]
  /** File URL of the module that exports the app: how a child process gets at the code. */
  readonly module?: string | undefined
  /** Has this process the code of the definition with this hash? */
  hosts(definitionHash: string): boolean
  /** Judges what can be judged at once; throws never. */
  verdict(binding: Manifest, event: WaybillEvent): Verdict
  /**
   * Of a manifest with limits. Undefined: only code that is not in this process can tell. Throws
   * never. An app whose bindings have no limits needs none.
   */
  keys?(binding: Manifest, event: WaybillEvent): LimitKeys | undefined
  /** Predicates that are effects. */
  judge(
    binding: Manifest,
    event: WaybillEvent,
    signal: Signal,
  ): Promise<{ matched: boolean; reason?: string }>
  /** Runs the handler once. Throws what the handler throws. */
  run(binding: Manifest, run: AttemptRun<Signal>): Promise<Plain | undefined>
}
