import type { AttemptRun, EventDraft, HandlerSpec, WaybillEvent } from '@waybill/core'

/** Why a handler is told to stop; what `signal.reason` says. */
class AttemptAborted extends Error {
  override readonly name = 'AttemptAborted'
  readonly reason: AbortReason

  constructor(reason: AbortReason) {
    super(`the attempt is over: ${reason}`)
    this.reason = reason
  }
}
export type AbortReason =
  | 'timeout'
  | 'cancelled'
  | 'superseded'
  | 'expired'
  | 'parked'
  /** The partition is somebody else's now. */
  | 'fenced'
  /** The handler returned, and went on. */
  | 'ended'

/** What never changes in an attempt. */
export interface AttemptFacts {
  readonly dispatch: string
  /** The dispatch's own id, or that of the one whose line a redrive goes on with. */
  readonly idempotencyKey: string
  /** What the events that it sends are known by, with their number. */
  readonly sendsAs: string
  readonly effect: string
  readonly event: WaybillEvent
  /** All that it stands for, its own first, where it leads a batch. */
  readonly batch?: readonly WaybillEvent[] | undefined
  readonly binding: string
  /** Undefined: not an attempt, the judgement of a predicate. */
  readonly handler: HandlerSpec['kind'] | undefined
  /** From 1. */
  readonly attempt: number
  /** Events that it stands for, itself included (rules 7.1, 7.2). */
  readonly standsFor: number
  /** Sequence of the journal message that asked for it. */
  readonly seq: number
  readonly startedAt: number
  readonly deadline: number
}

const none: readonly string[] = []

/**
 * One run of a handler, as the handler holds it in its hand. There may be thousands a second, so
 * what most handlers never ask for is made when it is asked for.
 */
export class Attempt implements AttemptRun<AbortSignal> {
  readonly facts: AttemptFacts
  /** Ended for the partition: what the handler still brings is late. */
  over = false
  sent: readonly string[] = none
  readonly #store: (attempt: Attempt, draft: EventDraft, ordinal: number) => Promise<string>
  #sends = 0
  #controller: AbortController | undefined
  #aborted: AbortReason | undefined

  constructor(
    facts: AttemptFacts,
    store: (attempt: Attempt, draft: EventDraft, ordinal: number) => Promise<string>,
  ) {
    this.facts = facts
    this.#store = store
  }

  get dispatch(): string {
    return this.facts.dispatch
  }
  get event(): WaybillEvent {
    return this.facts.event
  }
  get batch(): readonly WaybillEvent[] | undefined {
    return this.facts.batch
  }
  get attempt(): number {
    return this.facts.attempt
  }
  get standsFor(): number {
    return this.facts.standsFor
  }
  get idempotencyKey(): string {
    return this.facts.idempotencyKey
  }
  get fencingToken(): string {
    const { dispatch, attempt, seq } = this.facts
    return `${dispatch}:${attempt}:${seq}`
  }
  get deadline(): number {
    return this.facts.deadline
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(new AttemptAborted(this.#aborted))
    }
    return this.#controller.signal
  }

  async send(draft: EventDraft): Promise<string> {
    // It would stand in no result; whoever runs the attempt again sends it again.
    if (this.over) throw new AttemptAborted(this.#aborted ?? 'ended')
    const id = await this.#store(this, draft, this.#sends++)
    this.sent = [...this.sent, id]
    return id
  }

  abort(reason: AbortReason): void {
    this.over = true
    this.#aborted ??= reason
    this.#controller?.abort(new AttemptAborted(this.#aborted))
  }
}
