import type { Mutant } from '../plant.ts'

const partition = 'packages/core/src/partition'
const ledger = 'packages/core/src/ledger'
const engine = 'packages/engine/src'

/** Faults in what dispatches share: limits, letters between partitions, redrives, pauses. */
export const sharing: readonly Mutant[] = [
  {
    name: 'permit-given-back-twice',
    what: 'a permit of another partition is given back by two letters',
    file: `${partition}/admission.ts`,
    find: "post(draft, to, { kind: 'release', ledger, ticket, letter })",
    replace: `post(draft, to, { kind: 'release', ledger, ticket, letter })
    post(draft, to, { kind: 'release', ledger, ticket, letter })`,
  },
  {
    name: 'permit-kept-by-the-cancelled',
    what: 'what is cancelled keeps its permits',
    file: `${partition}/draft.ts`,
    find: 'giveBack(draft, applicant, record.flow, event, moved.record.flow)',
    replace: `if (event.type !== 'cancel.requested') {
    giveBack(draft, applicant, record.flow, event, moved.record.flow)
  }`,
  },
  {
    name: 'one-permit-too-many',
    what: 'one more than max is let in when somebody leaves',
    file: `${ledger}/concurrency.ts`,
    find: 'if (holders.size >= max) return undefined',
    replace: 'if (holders.size > max) return undefined',
  },
  {
    name: 'two-singletons',
    what: 'who waits for one that is active is let in beside it',
    file: `${ledger}/singleton.ts`,
    find: 'if (holder) return undefined',
    replace: 'if (holder && mode === "skip") return undefined',
  },
  {
    name: 'window-one-short',
    what: 'a window forgets one stamp too many',
    file: `${ledger}/ledger.ts`,
    find: 'stamps.length - countUntil(stamps, at - periodMs)',
    replace: 'Math.max(0, stamps.length - countUntil(stamps, at - periodMs) - 1)',
  },
  {
    name: 'batch-member-stays',
    what: 'who is merged into a batch stays in the queue for the next one',
    file: `${ledger}/ledger.ts`,
    find: `merged.push(found.ticket)
    undo.push(remove(ledger, member))`,
    replace: 'merged.push(found.ticket)',
  },
  {
    name: 'debounce-runs-the-oldest',
    what: 'of a row of events the oldest runs',
    file: `${ledger}/debounce.ts`,
    find: `const newest = waiting.at(-1)?.ticket
    const [oldest] = waiting`,
    replace: `const newest = waiting[0]?.ticket
    const oldest = waiting.at(-1)`,
  },
  {
    name: 'letter-number-reused',
    what: 'two letters of one step have the same number',
    file: `${partition}/outbox.ts`,
    find: '(posted.get(key) ?? partition.outbox.get(key)?.last ?? 0) + 1',
    replace: '(partition.outbox.get(key)?.last ?? 0) + 1',
  },
  {
    name: 'letter-before-append',
    what: 'letters leave when they are decided, not when the log has them',
    file: `${engine}/partition.ts`,
    find: `this.effects.note(taken.entry)
      this.#committer.add(taken)`,
    replace: `this.effects.note(taken.entry)
      for (const one of taken.entry.effects) {
        if (one.kind === 'sendLetters') this.effects.carry(one, this.head.seq + 1)
      }
      this.#committer.add(taken)`,
  },
  {
    name: 'letters-lost-at-takeover',
    what: 'who takes over does not send what was under way',
    file: `${partition}/outbox.ts`,
    find: 'if (queued.length > 0) send(draft, key, last)',
    replace: 'if (queued.length > 99) send(draft, key, last)',
  },
  {
    name: 'overtaken-reserve-counts',
    what: 'a letter that asks, and that the one which gives back has overtaken, is granted',
    file: `${partition}/skipped.ts`,
    find: "record(draft, { kind: 'ledger.voided', ledger, ticket })",
    replace: 'return',
  },
  {
    name: 'limit-change-wakes-nobody',
    what: 'who waits is not judged again when its limit is raised',
    file: `${partition}/definitions.ts`,
    find: "if (change.kind === 'limit') return [change.limit]",
    replace: "if (change.kind === 'limit') return []",
  },
  {
    name: 'rule-of-the-past',
    what: 'another partition’s ledger is judged by the rule of the dispatch’s own version',
    file: `${partition}/home.ts`,
    find: 'rule: known?.rule ?? limit.rule',
    replace: 'rule: limit.rule',
  },
  {
    name: 'override-forgotten',
    what: 'a deploy takes back what an operator has set',
    file: `${partition}/deployed.ts`,
    find: 'partition.routes.clear()',
    replace: 'partition.routes.clear()\n  partition.overrides.clear()',
  },
  {
    name: 'youngest-first',
    what: 'of those who wait the last one to come goes first',
    file: `${ledger}/queue.ts`,
    find: 'if (first !== second) return first < second',
    replace: 'if (first !== second) return first > second',
  },
  {
    name: 'redriven-twice',
    what: 'a dead letter is run again as often as it is asked for',
    file: `${partition}/again.ts`,
    find: "if (as !== undefined) return no('already_redriven', `${id} runs again as ${as}`)",
    replace: '',
  },
  {
    name: 'redrive-under-a-new-key',
    what: 'a redrive has an idempotency key of its own',
    file: `${partition}/again.ts`,
    find: 'root: origin.root ?? id',
    replace: 'root: as',
  },
  {
    name: 'snapshot-without-waiters',
    what: 'a snapshot leaves out who waits',
    file: `${partition}/restore.ts`,
    find: 'fromPlainLedger(plain, waiting.get(plain.id) ?? [])',
    replace: 'fromPlainLedger(plain, [])',
  },
  {
    name: 'place-in-the-lane-kept',
    what: 'a lane that answers does not give back the places of what it took',
    file: `${engine}/turns.ts`,
    find: `takeIn(unread, always)
      this.#ports.taken(unread)`,
    replace: 'takeIn(unread, always)',
  },
  {
    name: 'two-probes',
    what: 'more than one tries a destination that has failed',
    file: `${ledger}/circuit.ts`,
    find: 'if (holders.size === 0) return',
    replace: 'if (holders.size >= 0) return',
  },
  {
    name: 'held-twice',
    what: 'what a pause held back is given, and still owed',
    file: `${partition}/pause.ts`,
    find: 'if (isBefore(place, one.from)) return [one]',
    replace: 'if (one.events > 1 || isBefore(place, one.from)) return [one]',
  },
]
