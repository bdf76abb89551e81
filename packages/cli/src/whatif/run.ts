import {
  candidates,
  createPartition,
  nextDue,
  outboxKey,
  sharedApp,
  step,
  type Effect,
  type EffectOf,
  type EffectResult,
  type Hash,
  type Input,
  type InputOf,
  type InputRef,
  type Manifest,
  type Partition,
  type PartitionId,
  type Verdict,
} from '@waybill/core'
import { changed, placesUnder, type Change } from './changes.ts'
import {
  Recording,
  type RecordedDispatch,
  type RecordedEvent,
  type RecordedPartition,
} from './record.ts'
import { Schedule } from './schedule.ts'

export interface WhatIf {
  readonly hash: Hash
  readonly slots: number
  /** Epoch ms. */
  readonly since: number
  readonly partitions: readonly RecordedPartition[]
  readonly changes: readonly Change[]
}

export interface Outcome {
  readonly partitions: readonly RecordedPartition[]
  /** What the record could not tell, and how often. */
  readonly unknown: Readonly<Record<string, number>>
}

/**
 * The recorded arrivals of a period, with the durations and outcomes that were recorded, through the
 * production core under other settings, on a virtual clock. Nothing is run.
 */
export function simulate(whatIf: WhatIf): Outcome {
  return new Simulation(whatIf).run()
}

/** Partitions that decide anew. */
interface Cell {
  readonly partition: Partition
  readonly recording: Recording
  /** How many runs a dispatch has begun here. */
  readonly runs: Map<string, number>
  /** Letters are numbered by it. */
  letters: number
  due: number
}

/** Steps after which it is said that it comes to no end. */
const stepsMax = 20_000_000
const noHash = '0'.repeat(64)

class Simulation {
  readonly #whatIf: WhatIf
  readonly #schedule = new Schedule()
  readonly #unknown: Record<string, number> = {}
  readonly #recorded = new Map<string, RecordedDispatch>()
  readonly #cells = new Map<string, Cell>()
  /** Versions keep their names; what they say is changed. */
  readonly #manifests = new Map<string, { readonly before: Manifest; readonly after: Manifest }>()
  /** Run -> the events that it sends, and when. */
  readonly #sends = new Map<string, { readonly afterMs: number; readonly arrive: () => void }[]>()

  constructor(whatIf: WhatIf) {
    this.#whatIf = whatIf
    for (const { dispatches, definitions } of whatIf.partitions) {
      for (const [id, dispatch] of dispatches) this.#recorded.set(id, dispatch)
      for (const { change } of definitions) {
        if (change.kind === 'deploy') this.#noteManifests(change.manifests)
      }
    }
  }

  run(): Outcome {
    for (const partition of this.#whatIf.partitions) this.#plan(partition)
    for (let steps = 0; this.#schedule.runNext(); steps++) {
      if (steps > stepsMax) throw new Error(`it came to no end in ${stepsMax} steps`)
    }
    const own = [...this.#cells.values()].filter(({ partition: { app } }) => app !== sharedApp)
    return { partitions: own.map(({ recording }) => recording.record), unknown: this.#unknown }
  }

  #noteManifests(manifests: readonly Manifest[]): void {
    for (const before of manifests) {
      const after = changed(before, this.#whatIf.changes)
      this.#manifests.set(`${before.id}@v${before.version}`, { before, after })
    }
  }

  // --- what was recorded, in its time --------------------------------------------------------

  #plan({ id, definitions, events, letters, given }: RecordedPartition): void {
    const { since } = this.#whatIf
    this.#count('events that a pause held back and that were given after it: left out', given)
    const cell = this.#cellOf(id)
    for (const { at, ref, change } of definitions) {
      const altered =
        change.kind === 'deploy'
          ? { ...change, manifests: change.manifests.map((one) => this.#after(one)) }
          : change
      // What was in force when the period began is so from the start.
      this.#at(at < since ? 0 : at, cell, { kind: 'def', ref, change: altered })
    }
    for (const event of events) this.#planEvent(cell, event)
    for (const { at, input } of letters) {
      this.#count(
        'redrives and discards of what had begun before the period: left out',
        ofEarlier(input, this.#recorded),
      )
      this.#at(at, cell, { ...input, ref: letterRef(cell, 'client') })
    }
  }

  #at(time: number, cell: Cell, input: Input): void {
    this.#schedule.at(time, () => this.#feed(cell, input))
  }

  #planEvent(cell: Cell, { at, input, sentBy }: RecordedEvent): void {
    const arrive = (): void => this.#feed(cell, this.#eventUnder(cell, input))
    if (!sentBy) return this.#schedule.at(at, arrive)
    const run = `${sentBy.dispatch} ${sentBy.run}`
    const { afterMs } = sentBy
    this.#sends.set(run, [...(this.#sends.get(run) ?? []), { afterMs, arrive }])
  }

  #after(manifest: Manifest): Manifest {
    return this.#manifests.get(`${manifest.id}@v${manifest.version}`)?.after ?? manifest
  }

  #eventUnder(cell: Cell, input: InputOf<'event'>): InputOf<'event'> {
    const { ref, head } = input
    const verdicts = candidates(cell.partition, head.type).map((binding) =>
      this.#verdictUnder(binding, input),
    )
    // Handlers' events may come in another order than they did; their places keep their ids.
    return { ...input, ref: { ...ref, stream: `${ref.stream} ${head.id}` }, verdicts }
  }

  #verdictUnder(binding: Manifest, { head, verdicts }: InputOf<'event'>): Verdict {
    const { hash, slots } = this.#whatIf
    const key = `${binding.id}@v${binding.version}`
    const verdict = verdicts.find((one) => one.binding === key)
    const before = this.#manifests.get(key)?.before
    if (!verdict || !before) {
      this.#count('verdicts of bindings that were not active then: left out')
      return { binding: key, result: 'filtered' }
    }
    const asks = verdict.result === 'matched' || verdict.result === 'ask'
    if (!asks) return verdict
    const placing = { hash, slots, tenant: head.tenant }
    return { ...verdict, limits: placesUnder(before, binding, verdict.limits, placing) }
  }

  // --- partitions that decide ----------------------------------------------------------------

  #cellOf(id: PartitionId): Cell {
    const key = `${id.app}/${id.slot}`
    const known = this.#cells.get(key)
    if (known) return known
    const { hash, since, partitions } = this.#whatIf
    const cell: Cell = {
      partition: createPartition(id, hash),
      recording: new Recording(id, since),
      runs: new Map(),
      letters: 0,
      due: Infinity,
    }
    this.#cells.set(key, cell)
    const hosts = partitions.flatMap(({ definitions }) =>
      definitions.flatMap(({ change }) =>
        change.kind === 'deploy' ? change.manifests.map((one) => one.hash) : [],
      ),
    )
    const who = { epoch: 1, instance: 'whatif', incarnation: 'whatif', rules: 1, streams: {} }
    this.#feed(cell, { kind: 'epoch', ...who, hosts: [...new Set(hosts)] })
    return cell
  }

  #feed(cell: Cell, input: Input): void {
    const { entry } = step(cell.partition, input, this.#schedule.now)
    cell.recording.take(entry)
    for (const effect of entry.effects) this.#carry(cell, effect)
    this.#arm(cell)
  }

  #arm(cell: Cell): void {
    const due = nextDue(cell.partition)
    if (due === undefined || due >= cell.due) return
    cell.due = due
    this.#schedule.at(due, () => {
      if (cell.due !== due) return
      cell.due = Infinity
      this.#feed(cell, { kind: 'tick' })
    })
  }

  #answer(cell: Cell, effect: string, result: EffectResult, afterMs: number): void {
    this.#at(this.#schedule.now + afterMs, cell, { kind: 'result', effect, result })
  }

  #carry(cell: Cell, effect: Effect): void {
    if (effect.kind === 'sendLetters') this.#deliver(cell, effect)
    if (effect.kind === 'evaluatePredicate') this.#judge(cell, effect)
    if (effect.kind === 'runAttempt') this.#runAttempt(cell, effect)
  }

  /** A letter costs a commit and a message; both are far below what handlers take. */
  #deliver(cell: Cell, { id, to, upTo }: EffectOf<'sendLetters'>): void {
    const queued = cell.partition.outbox.get(outboxKey(to))?.queued ?? []
    const due = queued.filter(({ number }) => number <= upTo)
    this.#schedule.at(this.#schedule.now, () => {
      const { generation } = cell.partition
      const home = this.#cellOf({ app: to.app, slot: to.slot, generation })
      for (const { letter } of due) {
        this.#feed(home, { kind: 'letter', ref: letterRef(home, to.lane), letter })
      }
      this.#feed(cell, { kind: 'result', effect: id, result: { status: 'posted', to, upTo } })
    })
  }

  #judge(cell: Cell, { id, dispatch }: EffectOf<'evaluatePredicate'>): void {
    const judged = this.#recorded.get(dispatch)?.judged
    if (judged) this.#answer(cell, id, judged.result, judged.ms)
    else this.#count('predicates that never answered: assumed to run into their time limit')
  }

  #runAttempt(cell: Cell, { id, dispatch }: EffectOf<'runAttempt'>): void {
    const nth = cell.runs.get(dispatch) ?? 0
    cell.runs.set(dispatch, nth + 1)
    this.#sendFrom(dispatch, nth)
    const ran = this.#recorded.get(dispatch)?.runs ?? []
    const answered = ran.filter(({ result }) => result && !isPassing(result))
    const { result, ms } = answered[nth] ?? answered.at(-1) ?? {}
    if (result) {
      if (nth >= answered.length) {
        this.#count('attempts beyond the recorded ones: assumed to end as the last of them did')
      }
      this.#answer(cell, id, result, ms ?? 0)
    } else if (ran.length > nth) {
      this.#count('attempts that never answered: assumed to run into their time limit')
    } else {
      this.#count('attempts that never ran: assumed to succeed at once')
      this.#answer(cell, id, { status: 'succeeded', sent: [], ms: 0 }, 0)
    }
  }

  #sendFrom(dispatch: string, nth: number): void {
    const run = `${dispatch} ${nth}`
    for (const { afterMs, arrive } of this.#sends.get(run) ?? []) {
      this.#schedule.at(this.#schedule.now + afterMs, arrive)
    }
    this.#sends.delete(run)
  }

  #count(what: string, many = 1): void {
    if (many > 0) this.#unknown[what] = (this.#unknown[what] ?? 0) + many
  }
}

/** How many of those that it names cannot be found where the period begins with nothing. */
function ofEarlier(
  { letter: { body } }: InputOf<'letter'>,
  known: ReadonlyMap<string, RecordedDispatch>,
): number {
  if (body.kind !== 'redrive' && body.kind !== 'discard') return 0
  return body.dispatches.filter((id) => !known.has(id)).length
}

/** Lanes keep the names that a partition tells them apart by. */
function letterRef(cell: Cell, lane: string): InputRef {
  return { stream: `MAIL_whatif.${lane}`, seq: ++cell.letters, index: 0, hash: noHash }
}

/** Answers that say nothing about the handler. */
const isPassing = ({ status }: EffectResult): boolean =>
  status === 'parked' || status === 'unhosted'
