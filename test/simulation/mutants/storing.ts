import type { Mutant } from '../plant.ts'

const log = 'packages/log/src'
const engine = 'packages/engine/src'

/** Faults on the way into the log: appends, senders, group commit, checkpoints. */
export const storing: readonly Mutant[] = [
  {
    name: 'compare-and-set-off',
    what: 'a bundle is stored wherever the journal stands',
    file: `${engine}/commit.ts`,
    find: `const outcome = await log.append(subject, bytes, this.#head.seq, {
          signal,
          session: this.#session,
        })`,
    replace: `const outcome: AppendOutcome = {
          kind: 'stored',
          ...(await log.send(subject, bytes, signal)),
        }`,
  },
  {
    name: 'conflict-appended-again',
    what: 'after a conflict the bundle is appended behind the other one',
    file: `${engine}/commit.ts`,
    find: "if (outcome.kind !== 'restarted') return outcome",
    replace: `if (outcome.kind === 'conflict')
          return await log.append(subject, bytes, outcome.lastSeq, { signal })
        if (outcome.kind !== 'restarted') return outcome`,
  },
  {
    name: 'restart-unseen',
    needs: 'power',
    what: 'after a restart of the server a leader goes on without a look at what it builds upon',
    file: `${engine}/commit.ts`,
    find: 'if (!(await stands(this.#head, this.#positions, stepped))) return outcome',
    replace: '',
  },
  {
    name: 'fence-off',
    what: 'a conflict is taken for success',
    file: `${engine}/commit.ts`,
    find: "if (outcome.kind === 'conflict') return conflict(outcome.lastSeq)",
    replace: "if (outcome.kind === 'conflict') Object.assign(outcome, { seq: outcome.lastSeq })",
  },
  {
    name: 'unknown-is-stored',
    what: 'an append that timed out counts as stored',
    file: `${log}/append.ts`,
    find: `return refusal(wire, message, attempt, answer.cause, signal)
      case 'busy':`,
    replace: `return refusal(wire, message, attempt, answer.cause, signal)
      case 'unknown':
        return { kind: 'stored', seq: message.expected + 1 }
      case 'busy':`,
  },
  {
    name: 'read-back-skipped',
    what: 'a refused append counts as another’s without a look at the log',
    file: `${log}/append.ts`,
    find: 'const known = await readBack(wire, message, stale++ >= wire.staleAnswersMax, signal)',
    replace: `const known: AppendOutcome = {
          kind: 'conflict',
          lastSeq: (await wire.last(message.subject, signal))?.seq ?? 0,
        }
        stale++`,
  },
  {
    name: 'unknown-send-is-stored',
    what: 'a send that timed out counts as stored',
    file: `${log}/append.ts`,
    find: "if (answer.kind === 'stored') return { seq: answer.seq }",
    replace: `if (answer.kind === 'stored') return { seq: answer.seq }
    if (answer.kind === 'unknown') return { seq: 1 }`,
  },
  {
    name: 'acknowledged-before-stored',
    what: 'the sender answers before the log has the message',
    file: `${log}/sender.ts`,
    find: 'const { seq } = await this.#log.send(subject, bytes, this.#signal)',
    replace: `void this.#log.send(subject, bytes, this.#signal).catch(() => undefined)
      const { seq } = await Promise.resolve({ seq: 1 })`,
  },
  {
    name: 'place-in-the-message-wrong',
    what: 'the sender says the first place of a message for all that it carries',
    file: `${log}/sender.ts`,
    find: 'for (const [index, { resolve }] of taken.entries()) resolve({ seq, index })',
    replace: 'for (const { resolve } of taken) resolve({ seq, index: 0 })',
  },
  {
    name: 'effects-before-append',
    what: 'effects begin when they are decided, not when the log has them',
    file: `${engine}/partition.ts`,
    find: 'this.#committer.add(taken)',
    replace: `this.#committer.add(taken)
      for (const effect of taken.entry.effects) {
        queueMicrotask(() => this.effects.carry(effect, this.head.seq + 1))
      }`,
  },
  {
    name: 'reply-before-append',
    what: 'a letter is answered before the log has what it did',
    file: `${engine}/partition.ts`,
    find: 'this.effects.note(taken.entry)',
    replace: `this.effects.note(taken.entry)
      for (const one of taken.entry.effects) if (one.kind === 'reply') this.effects.carry(one, 0)`,
  },
  {
    name: 'chain-not-carried-on',
    what: 'a bundle names the bundle before the one before it',
    file: `${engine}/commit.ts`,
    find: 'this.#head = { seq, number: header.number, hash }',
    replace: 'this.#head = { seq, number: header.number, hash: this.#head.hash ?? hash }',
  },
  {
    name: 'positions-too-late',
    what: 'a bundle’s positions are those at its append, not those at its end',
    file: `${engine}/commit.ts`,
    find: 'return { v: BUNDLE_VERSION, ...place, prev, instance, positions, checkpoint }',
    replace: `const now = Object.fromEntries(this.#ports.partition.positions)
    return { v: BUNDLE_VERSION, ...place, prev, instance, positions: positions && now, checkpoint }`,
  },
  {
    name: 'checkpoint-ahead',
    what: 'a snapshot is taken when its bundle is in, with what came since',
    file: `${engine}/snapshot.ts`,
    find: 'writing = write(bundle.frozen, bundle)',
    replace: 'writing = write(freeze(partition), bundle)',
  },
  {
    name: 'checkpoint-pruned',
    what: 'the snapshot that the journal points at is removed before the next one is stored',
    file: `${engine}/snapshot.ts`,
    find: 'await prune(ports, home, [seq, partition.checkpoint?.position, named])',
    replace: 'await prune(ports, home, named === 0 ? [] : [seq])',
  },
]
