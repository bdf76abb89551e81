import { LogUnavailable } from '../fault.ts'
import type { ReadRange, Stored } from '../log.ts'
import { messageOf } from './api.ts'
import type { JetStreamLimits } from './limits.ts'
import type { Link } from './link.ts'
import { JetStreamReader } from './reader.ts'

/** What is asked for ahead of whoever takes it. */
const ahead = { messages: 2000, bytes: 16 * 1024 * 1024 }

/**
 * Reads up to what the leader has now. The end is a message that was there, never "nothing
 * pending": a consumer on a replica that lags says so early.
 */
export async function* readRange(
  link: Link,
  limits: JetStreamLimits,
  range: ReadRange & { toSeq?: number },
  signal: AbortSignal,
): AsyncGenerator<Stored, void> {
  const { stream, fromSeq, toSeq = Infinity } = range
  const last = Math.min(toSeq, await lastOf(link, limits, range, signal))
  if (last < fromSeq) return
  const options = { ...range, holes: 'sparse', replicas: 1 } as const
  using pulse = watchPulse(link, limits.patienceMs)
  const until = AbortSignal.any([signal, pulse.stopped])
  await using reader = new JetStreamReader(link, limits, options, until)
  reader.grant(ahead)
  const taken = { messages: 0, bytes: 0 }
  for await (const message of reader) {
    pulse.rest()
    if (message.seq <= last) yield message
    if (message.seq >= last) return
    pulse.wait()
    taken.messages += 1
    taken.bytes += message.bytes.length
    if (taken.messages < ahead.messages / 2 && taken.bytes < ahead.bytes / 2) continue
    reader.grant(taken)
    taken.messages = taken.bytes = 0
  }
  // The reader ended before the end was reached.
  throw new LogUnavailable(stream, { cause: until.reason })
}

/**
 * The end was there, but need not be any more, or not where the consumer is: a replica that lost
 * it, or a purge. Whoever waits for it would wait for ever.
 */
function watchPulse(link: Link, patienceMs: number) {
  const stop = new AbortController()
  let waitingSince = performance.now()
  const timer = setInterval(() => {
    if (!link.up && waitingSince < Infinity) waitingSince = performance.now()
    const waitedMs = performance.now() - waitingSince
    if (waitedMs > patienceMs) stop.abort(new Error(`no message for ${Math.round(waitedMs)} ms`))
  }, patienceMs / 4)
  timer.unref()
  return {
    stopped: stop.signal,
    wait: () => {
      waitingSince = performance.now()
    },
    /** Whoever has a message in hand may take the time that it takes. */
    rest: () => {
      waitingSince = Infinity
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

async function lastOf(
  link: Link,
  limits: JetStreamLimits,
  { stream, subjects }: ReadRange,
  signal: AbortSignal,
): Promise<number> {
  const filters = subjects.length === 0 ? ['>'] : subjects
  const ends = filters.map((filter) =>
    messageOf(link, limits, stream, { last_by_subj: filter }, signal),
  )
  return Math.max(...(await Promise.all(ends)).map((end) => end?.seq ?? 0))
}
