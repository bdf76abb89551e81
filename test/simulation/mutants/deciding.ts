import type { Mutant } from '../plant.ts'

const partition = 'packages/core/src/partition'
const dispatch = 'packages/core/src/dispatch'

/** Faults in what decides: step, apply, the machine, retries. */
export const deciding: readonly Mutant[] = [
  {
    name: 'dedupe-off',
    what: 'an event that was seen starts dispatches again',
    file: `${partition}/match.ts`,
    find: 'if (known !== undefined) {',
    replace: 'if (known === "never") {',
  },
  {
    name: 'dedupe-forgets-early',
    what: 'ids are forgotten after an hour instead of a day',
    file: `${partition}/apply.ts`,
    find: 'expire(partition.seen, at, limits.dedupeWindowMs)',
    replace: 'expire(partition.seen, at, hourMs)',
  },
  {
    name: 'attempt-not-counted',
    what: 'a second attempt is called the first again',
    file: `${dispatch}/deeds.ts`,
    find: 'const attempt = context.record.attempt + 1',
    replace: 'const attempt = Math.max(1, context.record.attempt)',
  },
  {
    name: 'loss-not-spent',
    what: 'an attempt whose host died costs nothing',
    file: `${dispatch}/deeds.ts`,
    find: `...settled,
    spent: record.spent + 1,
    alone: true,`,
    replace: '...settled, spent: record.spent, alone: true,',
  },
  {
    name: 'parking-spends',
    what: 'an attempt that was parked for a drain is spent',
    file: `${dispatch}/machine.ts`,
    find: `'attempt.parked': { target: 'retryWait', actions: 'retryAtOnce' }`,
    replace: `'attempt.parked': { target: 'retryWait', actions: ['noteLoss', 'retryAtOnce'] }`,
  },
  {
    name: 'one-attempt-too-many',
    what: 'the last attempt is not the last',
    file: `${dispatch}/machine.ts`,
    find: 'isExhausted: ({ context }) => context.record.spent + 1 >= context.binding.retry.maxAttempts',
    replace:
      'isExhausted: ({ context }) => context.record.spent >= context.binding.retry.maxAttempts',
  },
  {
    name: 'permanent-is-retried',
    what: 'a permanent error is tried again',
    file: `${dispatch}/deeds.ts`,
    find: `(event.error.class === 'permanent' ||`,
    replace: `(event.error.class === 'never' ||`,
  },
  {
    name: 'fails-instead-of-dead-letter',
    what: 'a permanent error ends as failed whatever the binding says',
    file: `${dispatch}/machine.ts`,
    find: `isPermanent(step) && step.context.binding.onPermanentError === 'fail'`,
    replace: 'isPermanent(step)',
  },
  {
    name: 'jitter-from-chance',
    what: 'the jitter comes from Math.random',
    file: 'packages/core/src/retry.ts',
    find: 'return Number.parseInt(hashParts(hash, dispatch, String(attempt)).slice(0, 12), 16) / 2 ** 48',
    replace: 'return Math.random()',
  },
  {
    name: 'retry-after-ignored',
    what: 'what the other side asked for is not waited for',
    file: `${dispatch}/deeds.ts`,
    find: "const floor = event.type === 'attempt.failed' ? (event.error.afterMs ?? 0) : 0",
    replace: 'const floor = 0',
  },
  {
    name: 'backoff-does-not-grow',
    what: 'an exponential delay stays what it was at first',
    file: 'packages/core/src/retry.ts',
    find: 'for (let i = 1; i < attempt && delay < capMs; i++) delay *= factor',
    replace: 'if (delay > capMs) delay *= factor',
  },
  {
    name: 'timer-early',
    what: 'timers fire half a second early',
    file: `${partition}/step.ts`,
    find: 'if (!next || next.at > at) return',
    replace: 'if (!next || next.at > at + 500) return',
  },
  {
    name: 'timer-lost',
    what: 'the timer of a second attempt is not put down',
    file: `${partition}/apply.ts`,
    find: 'schedule(partition.timers, due, id)',
    replace: 'if (record.attempt < 2) schedule(partition.timers, due, id)',
  },
  {
    name: 'time-goes-back',
    what: 'the time of an entry is its host’s, whatever came before',
    file: `${partition}/step.ts`,
    find: 'const time = Math.max(partition.at, Math.floor(at))',
    replace: 'const time = Math.floor(at)',
  },
  {
    name: 'late-result-taken',
    what: 'a result counts whatever attempt it is of',
    file: `${partition}/results.ts`,
    find: 'if (dispatch?.record.effect !== effect || !answer(draft, dispatch, result)) {',
    replace: 'if (!dispatch || !answer(draft, dispatch, result)) {',
  },
  {
    name: 'no-match-runs',
    what: 'a predicate that says no after a while starts an attempt',
    file: `${dispatch}/machine.ts`,
    find: "hasMatched: ({ event }) => event.type === 'predicate.answered' && event.matched",
    replace: "hasMatched: ({ event }) => event.type === 'predicate.answered'",
  },
  {
    name: 'depth-not-checked',
    what: 'a chain may be one link longer than it may be',
    file: 'packages/engine/src/intake.ts',
    find: 'if (event.chain.depth > binding.maxChainDepth) return',
    replace: 'if (event.chain.depth > binding.maxChainDepth + 1) return',
  },
  {
    name: 'end-is-not-the-end',
    what: 'what has ended stays open',
    file: `${partition}/apply.ts`,
    find: `partition.dispatches.delete(id)
    remember(partition.ended`,
    replace: `partition.dispatches.set(id, dispatch)
    remember(partition.ended`,
  },
  {
    name: 'letter-taken-twice',
    what: 'the same letter counts again',
    file: `${partition}/commands.ts`,
    find: 'if (seen(partition.letters, id) !== undefined) {',
    replace: "if (seen(partition.letters, id) === 'never') {",
  },
  {
    name: 'cancel-does-nothing',
    what: 'a cancellation is answered and not carried out',
    file: `${partition}/commands.ts`,
    find: `move(draft, dispatch, { type: 'cancel.requested', by: body.by, reason: body.reason })
    return { kind: 'cancelled', dispatches: 1, more: false }`,
    replace: "return { kind: 'cancelled', dispatches: 1, more: false }",
  },
  {
    name: 'position-ahead',
    what: 'the position of a stream is one message ahead',
    file: `${partition}/apply.ts`,
    find: 'partition.positions.set(stream, { seq, index, hash })',
    replace: 'partition.positions.set(stream, { seq: seq + 1, index, hash })',
  },
  {
    name: 'poison-not-passed',
    what: 'what cannot be read does not move the position',
    file: `${partition}/apply.ts`,
    find: "if (!('ref' in input) || input.ref === undefined) return",
    replace:
      "if (!('ref' in input) || input.ref === undefined || input.kind === 'quarantined') return",
  },
  {
    name: 'snapshot-without-ids',
    what: 'a snapshot leaves out which ids were seen',
    file: `${partition}/checkpoint.ts`,
    find: 'seen: partition.seen.blocks.map(freezeBlock)',
    replace: 'seen: []',
  },
]
