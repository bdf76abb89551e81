import type { Mutant } from '../plant.ts'

const engine = 'packages/engine/src'

/** Faults in what hosts partitions: leases, readers, effects, room, drains. */
export const hosting: readonly Mutant[] = [
  {
    name: 'late-message-taken',
    what: 'what a reader brings after it was replaced is taken',
    file: `${engine}/reader.ts`,
    find: 'if (signal.aborted) return this.#deliver(stored, loops, bySlot)',
    replace: 'this.#deliver(stored, loops, bySlot)',
  },
  {
    name: 'attempt-run-again-after-takeover',
    what: 'the new leader runs what the old one was running, under the same number',
    file: `${engine}/seats.ts`,
    find: "if (loop.state === 'leading') return seat",
    replace: `if (loop.state === 'leading') {
        for (const { id, record } of loop.partition.dispatches.values()) {
          if (record.state !== 'attempting' || !record.effect) continue
          const { attempt, alone } = record
          const kind = 'runAttempt'
          loop.effects.carry({ kind, id: record.effect, dispatch: id, attempt, alone }, loop.head.seq)
        }
        return seat
      }`,
  },
  {
    name: 'clock-not-compared',
    what: 'a host leads whatever its clock says',
    file: `${engine}/fitness.ts`,
    find: 'isFit = skewMs <= skewMsMax',
    replace: 'isFit = skewMs >= 0',
  },
  {
    name: 'lapsed-lease-not-taken',
    what: 'the slots of the dead are left to them',
    file: `${engine}/lease.ts`,
    find: 'if (!held || (held.until <= now && !isMine(held, me))) free.push(slot)',
    replace: 'if (!held) free.push(slot)',
  },
  {
    name: 'fenced-and-goes-on',
    what: 'a host that lost a partition keeps its seat',
    file: `${engine}/seats.ts`,
    find: `counters.conflicts += 1
    this.#remove(loop, 'fenced')`,
    replace: 'shared.counters.ticks += 0',
  },
  {
    name: 'trouble-halts',
    what: 'a log that does not answer halts the partition for good',
    file: `${engine}/seats.ts`,
    find: 'cause instanceof ChainBroken ||',
    replace:
      "cause instanceof ChainBroken || (cause instanceof Error && cause.name === 'LogUnavailable') ||",
  },
  {
    name: 'rest-of-a-message-skipped',
    what: 'a message of which something was taken counts as taken',
    file: `${engine}/reader.ts`,
    find: "if (loop.state !== 'leading' || (reached && stored.seq < reached.seq)) return true",
    replace: "if (loop.state !== 'leading' || (reached && stored.seq <= reached.seq)) return true",
  },
  {
    name: 'reads-on-after-the-message',
    what: 'a reader begins after the message it stands in',
    file: `${engine}/reader.ts`,
    find: 'return at.index >= lastIndex ? at.seq + 1 : at.seq',
    replace: 'return at.seq + 1',
  },
  {
    name: 'credit-not-given-back',
    what: 'what was taken in is not asked for anew',
    file: `${engine}/turns.ts`,
    find: 'this.#ports.taken(first)',
    replace: 'if (first.stored.seq < 0) this.#ports.taken(first)',
  },
  {
    name: 'room-not-given-back',
    what: 'a place is kept when its attempt is over',
    file: `${engine}/effects.ts`,
    find: `attempt.over = true
    this.#running.delete(dispatch)
    this.#count(-1)`,
    replace: 'attempt.over = true; this.#running.delete(dispatch)',
  },
  {
    name: 'abort-not-heard',
    what: 'an attempt that is over may still bring its result',
    file: `${engine}/attempt.ts`,
    find: `this.over = true
    this.#aborted`,
    replace: 'this.#aborted',
  },
  {
    name: 'fenced-results-kept',
    what: 'attempts of a lost partition keep their places',
    file: `${engine}/effects.ts`,
    find: 'this.#count(-this.#hot)',
    replace: 'this.#count(0)',
  },
  {
    name: 'sends-anew',
    what: 'an attempt that is run again sends new events',
    file: `${engine}/outbound.ts`,
    find: 'draft.dedupeKey ?? `${sendsAs}:${ordinal}`',
    replace: 'draft.dedupeKey ?? `${sendsAs}:${attempt.attempt}:${ordinal}`',
  },
  {
    name: 'token-without-place',
    what: 'the fencing token does not rise with the journal',
    file: `${engine}/attempt.ts`,
    find: 'return `${dispatch}:${attempt}:${seq}`',
    replace: 'return `${dispatch}:${attempt}:${Math.min(seq, 1)}`',
  },
  {
    name: 'key-per-attempt',
    what: 'the idempotency key is another one in every attempt',
    file: `${engine}/attempt.ts`,
    find: 'return this.facts.idempotencyKey',
    replace: 'return `${this.facts.idempotencyKey}:${this.facts.attempt}`',
  },
  {
    name: 'predicate-guessed',
    what: 'a predicate that this host cannot answer counts as matched',
    file: `${engine}/effects.ts`,
    find: "const judged = { status: 'judged', matched, reason: cut, ms: elapsed() } as const",
    replace:
      "const judged = { status: 'judged', matched: true, reason: cut, ms: elapsed() } as const",
  },
  {
    name: 'poison-throws',
    what: 'what cannot be read takes the host down',
    file: `${engine}/intake.ts`,
    find: "const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : 'cannot be read'",
    replace: "if (lane === 'events') throw cause\n    const reason = 'cannot be read'",
  },
]
