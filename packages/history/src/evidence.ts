import type { Stored } from '@waybill/log'

/** What the world outside wrote down. Each is optional: what is not given is not asked about. */
export interface Evidence {
  readonly acknowledged?: Iterable<Acknowledged>
  readonly runs?: readonly Run[]
  readonly replies?: readonly Reply[]
  readonly fences?: readonly Fence[]
  /** Messages that were stored and that a power cut took. */
  readonly lost?: readonly Stored[]
}

/** The log said that it has it: item `index` of the message at `seq`. */
export interface Acknowledged {
  readonly stream: string
  readonly seq: number
  readonly index: number
  /** Its id; bytes that have none: sha-256 of the item. */
  readonly id: string
}

/** One run of a handler, as the handler saw it. Times are those of the log's clock, where known. */
export interface Run {
  readonly dispatch: string
  readonly attempt: number
  /** The fencing token that it got. */
  readonly token: string
  /** The idempotency key that it got. */
  readonly key: string
  /** Where it ran, for people. */
  readonly process: string
  readonly how: 'returned' | 'threw' | undefined
  readonly beganAt?: number
  readonly endedAt?: number | undefined
  /** Ids of the events that it sent, in order. */
  readonly sent?: readonly string[]
}

/** What a client got for its letter. */
export interface Reply {
  readonly letter: string
  readonly body: unknown
  readonly at?: number
}

/** A host saw that a partition is another's now. */
export interface Fence {
  readonly app: string
  readonly incarnation: string
  readonly slot: number
  /** The last sequence of the journal that it was told of. */
  readonly lastSeq: number
}
