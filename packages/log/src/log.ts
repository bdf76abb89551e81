import type { Hash } from '@waybill/core'

/** A message as it lies in a stream. `subject` carries the topology's prefix and generation. */
export interface Stored {
  readonly stream: string
  readonly subject: string
  /** Stream sequence, from 1. */
  readonly seq: number
  /** Server time at which it was stored, epoch ms. */
  readonly at: number
  readonly bytes: Uint8Array
}

export interface StreamInfo {
  readonly name: string
  /** ISO 8601. A stream with another date is another stream: positions in it mean nothing. */
  readonly createdAt: string
  /** 0 when nothing was ever stored. */
  readonly firstSeq: number
  readonly lastSeq: number
  readonly messages: number
  readonly bytes: number
}

/**
 * The answer to an append under an expectation.
 * - `stored`: it is in the log, at `seq`, exactly once.
 * - `conflict`: somebody else's message is the last one of the subject; nothing of ours is stored.
 *   `lastSeq` is the subject's last sequence, 0 when there is none.
 * - `restarted`: another process of the server answers than the one that was named. It may have
 *   forgotten what was acknowledged, and the numbers of what it forgot come again, so a number
 *   expected says nothing until the caller has looked at what it builds upon. Ours is stored or not.
 * An outcome that is not known is never answered: the adapter asks again until it is known, or
 * throws `LogUnavailable` once the signal is aborted. Then, and after a `LogFull`, append the same
 * bytes with the same expectation again: an append is idempotent. The first message of the subject
 * after `expected` decides, and equal bytes are the same message.
 */
export type AppendOutcome =
  | { readonly kind: 'stored'; readonly seq: number }
  | { readonly kind: 'conflict'; readonly lastSeq: number }
  | { readonly kind: 'restarted' }

export interface AppendOptions {
  readonly signal?: AbortSignal
  /** The process of the server that must take it, as `session()` told; default: whichever. */
  readonly session?: string
}

/**
 * A running reader: messages in stream order, none twice, none left out. It starts with no credit
 * and ends with its signal; leaving the loop closes it. One loop per reader.
 *
 * What it has in its hand when the signal is aborted, or what was on its way, it may still bring,
 * always the messages that come next, before it ends. So whoever goes on elsewhere looks at the
 * signal before he takes a message: taken, it would be a hole or come twice. (The adapters here
 * drop what waits, but a message that `next` has already resolved with is out of their hands.)
 */
export interface Reader extends AsyncIterable<Stored>, AsyncDisposable {
  /**
   * Grants more: a reader never asks the server for more than it was granted. While any byte is
   * left the next message is delivered whatever its size; the debt is paid by later grants.
   */
  grant(credit: { messages: number; bytes: number }): void
}

export interface ReadRange {
  readonly stream: string
  /** Exact subjects (no wildcards but a trailing `>`); empty = the whole stream. */
  readonly subjects: readonly string[]
  /** First sequence wanted, >= 1. */
  readonly fromSeq: number
}

/**
 * The only door to the past. Two adapters, memory and JetStream; one conformance suite for both.
 * All reads that decide something go to the stream's leader.
 */
export interface EventLog extends AsyncDisposable {
  readonly hash: Hash
  /** Bytes one message may have: min(4 MiB, the server's limit - 64 KiB). */
  readonly messageBytesMax: number
  /** Stores one message; resolves when it is acknowledged. Sent again on doubt: may store twice. */
  send(subject: string, bytes: Uint8Array, signal?: AbortSignal): Promise<{ seq: number }>
  /** Stores one message if the subject's last sequence is `expected` (0 = none yet). */
  append(
    subject: string,
    bytes: Uint8Array,
    expected: number,
    options?: AppendOptions,
  ): Promise<AppendOutcome>
  /** Names the process of the server that answers: another one after each restart. */
  session(): string
  /** The subject's last message, from the leader. */
  last(stream: string, subject: string): Promise<Stored | undefined>
  get(stream: string, seq: number): Promise<Stored | undefined>
  /**
   * Everything from `fromSeq` to the leader's last sequence as of now (or to `toSeq`, included, if
   * that is less), then ends. What was purged is left out: whoever needs no hole checks the chain.
   */
  read(range: ReadRange & { toSeq?: number }, signal?: AbortSignal): AsyncIterable<Stored>
  /**
   * From `fromSeq` on, for ever. Throws `PositionLost` when messages at `fromSeq` and after may be
   * gone, the stream ends before it, or another message stands where the last one stood that it gave.
   */
  follow(range: ReadRange, signal: AbortSignal): Reader
  info(stream: string): Promise<StreamInfo>
  /** Purges the messages of a subject below a sequence; never its last one. */
  purge(stream: string, subject: string, belowSeq: number): Promise<{ purged: number }>
  /** Subjects of a stream with their message counts. */
  subjects(stream: string, filter: string): Promise<ReadonlyMap<string, number>>
}

/** Who should own what. Values change by revision only. */
export interface LeaseStore {
  get(key: string): Promise<LeaseValue | undefined>
  /**
   * Writes if the revision is still the one given (0 = absent); undefined = somebody else did.
   * Writing what is there already answers its revision. A value is never empty.
   */
  put(key: string, value: Uint8Array, revision: number): Promise<number | undefined>
  remove(key: string, revision: number): Promise<boolean>
  /** All keys under a prefix (whole tokens, separated by dots; '' = all), in the order of their keys. */
  list(prefix: string): Promise<readonly (LeaseValue & { key: string })[]>
  /**
   * Every change under a prefix from now on, after the present values; ends with the signal. Of
   * several changes to one key while nobody looked only the last one is told.
   */
  watch(prefix: string, signal: AbortSignal): AsyncIterable<LeaseChange>
}
export interface LeaseValue {
  readonly value: Uint8Array
  readonly revision: number
}
export interface LeaseChange {
  readonly key: string
  readonly revision: number
  /** Undefined: removed. */
  readonly value: Uint8Array | undefined
}

/** Large immutable values by name. A name is never written twice, except with the same bytes. */
export interface SnapshotStore {
  /** Throws `SnapshotExists` when other bytes stand under this name. */
  put(name: string, bytes: Uint8Array): Promise<void>
  get(name: string): Promise<Uint8Array | undefined>
  /** Names that begin with these characters, sorted. */
  list(prefix: string): Promise<readonly string[]>
  /** Removing what is not there is no error. */
  remove(name: string): Promise<void>
}

/** Names of one generation of the topology: streams and subjects. */
export interface Topology {
  /** First token of every subject, `wb` unless configured. */
  readonly prefix: string
  readonly generation: number
  readonly slots: number
  readonly replicas: number
}
