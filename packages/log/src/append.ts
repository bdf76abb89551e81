import { equalBytes } from '@waybill/core'
import { LogFull, LogUnavailable } from './fault.ts'
import type { AppendOptions, AppendOutcome, Stored } from './log.ts'

/** What one request to store a message brought. */
export type Answer =
  | { readonly kind: 'stored'; readonly seq: number }
  /** The expectation does not hold (10071). */
  | { readonly kind: 'moved' }
  /** Surely not stored, and may be asked again: no leader, 10164, overload. */
  | { readonly kind: 'busy'; readonly cause: unknown }
  /** Timed out or cut off: stored or not. */
  | { readonly kind: 'unknown'; readonly cause: unknown }
  /** Surely not stored, and asking again at once is no use. */
  | { readonly kind: 'refused'; readonly cause: Error }

/** One server as an append sees it. The memory adapter has one too, so both take the same way. */
export interface Wire {
  publish(message: Message): Promise<Answer>
  /** The first message of the subject after a sequence, and its last one, from the leader. */
  after(subject: string, seq: number, signal?: AbortSignal): Promise<Stored | undefined>
  last(subject: string, signal?: AbortSignal): Promise<Stored | undefined>
  /** The server process to which the next request goes. */
  session(): string
  /** Before asking again. Throws once the signal is aborted. */
  pause(attempt: number, signal: AbortSignal | undefined): Promise<void>
  /**
   * How often an answer is asked again that contradicts what the caller has seen. A cluster's old
   * leader gives such answers for over 10 s; a single server never.
   */
  readonly staleAnswersMax: number
}

export interface Message {
  readonly subject: string
  readonly bytes: Uint8Array
  /** Undefined: store it wherever the subject stands. */
  readonly expected: number | undefined
  /** Further headers, each `name: value\r\n`. */
  readonly headers?: string
}

/**
 * The outcome of an append is never guessed: the same bytes are sent with the same expectation
 * until they are acknowledged or refused. On a refusal the log itself is asked. Under an expectation
 * only the first message after it can be ours: if it has our bytes we are stored, whoever heard of
 * it; else somebody else is.
 */
export async function appendUntilKnown(
  wire: Wire,
  message: Message & { readonly expected: number },
  { signal, session }: AppendOptions,
): Promise<AppendOutcome> {
  let stale = 0
  begin(message, signal)
  for (let attempt = 0; ; attempt++) {
    if (session !== undefined && session !== wire.session()) return { kind: 'restarted' }
    const answer = await wire.publish(message)
    switch (answer.kind) {
      case 'stored':
        return answer
      case 'moved': {
        const known = await readBack(wire, message, stale++ >= wire.staleAnswersMax, signal)
        if (known) return known
        break
      }
      case 'refused':
        return refusal(wire, message, attempt, answer.cause, signal)
      case 'busy':
      case 'unknown':
        break
    }
    await again(wire, attempt, message.subject, answer, signal)
  }
}

/** Sent again on doubt, so it may be stored twice; its readers know messages by their ids. */
export async function sendUntilKnown(
  wire: Wire,
  message: Message,
  signal: AbortSignal | undefined,
): Promise<{ seq: number }> {
  begin(message, signal)
  for (let attempt = 0; ; attempt++) {
    const answer = await wire.publish(message)
    if (answer.kind === 'stored') return { seq: answer.seq }
    if (answer.kind === 'refused') throw answer.cause
    await again(wire, attempt, message.subject, answer, signal)
  }
}

function begin({ subject }: Message, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new LogUnavailable(subject, { cause: signal.reason })
}

/** Undefined: what was read can't be the reason of the refusal, so it was not the truth yet. */
async function readBack(
  wire: Wire,
  { subject, bytes, expected }: Message & { readonly expected: number },
  settle: boolean,
  signal: AbortSignal | undefined,
): Promise<AppendOutcome | undefined> {
  const next = await wire.after(subject, expected, signal)
  if (next && equalBytes(next.bytes, bytes)) return { kind: 'stored', seq: next.seq }
  const lastSeq = (await wire.last(subject, signal))?.seq ?? 0
  if (next) return { kind: 'conflict', lastSeq: Math.max(lastSeq, next.seq) }
  // Nothing comes after it, says one leader; if another shows something, it may well be ours.
  return settle ? { kind: 'conflict', lastSeq } : undefined
}

/** An earlier try of this append may have been stored though the last one was refused. */
async function refusal(
  wire: Wire,
  { subject, bytes, expected }: Message & { readonly expected: number },
  attempt: number,
  cause: Error,
  signal: AbortSignal | undefined,
): Promise<AppendOutcome> {
  if (attempt === 0 || !(cause instanceof LogFull)) throw cause
  const next = await wire.after(subject, expected, signal)
  if (next && equalBytes(next.bytes, bytes)) return { kind: 'stored', seq: next.seq }
  throw cause
}

async function again(
  wire: Wire,
  attempt: number,
  subject: string,
  answer: Exclude<Answer, { kind: 'stored' | 'refused' }>,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await wire.pause(attempt, signal)
  } catch (stopped) {
    const cause = answer.kind === 'moved' ? stopped : answer.cause
    throw new LogUnavailable(subject, { cause })
  }
}
