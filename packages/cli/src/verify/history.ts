import type { Entry, Hash, PartitionId } from '@waybill/core'
import { decodeEntry } from '@waybill/log'
import type { Recorded } from '../replay/partition.ts'
import { createDispatchRules, takeDispatches } from './dispatches.ts'
import type { EventPlace } from './events.ts'
import type { Complain, Finding } from './finding.ts'
import { closeInputs, createInputRules, takeInput, type Reads } from './inputs.ts'

export interface PartitionSummary {
  readonly app: string
  readonly slot: number
  readonly bundles: number
  readonly entries: number
  readonly started: number
  readonly open: number
  /** Final state -> how many. */
  readonly ended: Readonly<Record<string, number>>
  readonly epochs: number
  readonly firstNumber: number
  readonly lastNumber: number
}

/**
 * Reads a partition's journal and says what in it cannot be: a history checker, pure, knowing
 * neither the machine nor `step`. Where replay asks "would it be decided again?", this asks "does
 * it hang together?".
 */
export interface History {
  take(recorded: Recorded): readonly Finding[]
  readonly summary: PartitionSummary
  /** Events it read, for comparing with those that were accepted. */
  readonly events: Reads
  /** Where its events begin, as far as this journal tells; undefined: it was never deployed. */
  readonly eventsAfter: EventPlace | undefined
}

export interface HistoryOptions {
  readonly id: PartitionId
  readonly hash: Hash
  readonly eventsStream: string
  /** The first bundle that will be taken is the partition's first. */
  readonly fromStart: boolean
}

export function createHistory({ id, hash, eventsStream, fromStart }: HistoryOptions): History {
  const dispatches = createDispatchRules(id, hash, fromStart)
  const inputs = createInputRules(eventsStream, fromStart)
  let reached: EventPlace | undefined
  const counts = { bundles: 0, entries: 0, firstNumber: 0, lastNumber: 0 }

  return {
    events: inputs.events,
    get eventsAfter() {
      return fromStart ? wholeMessage(inputs.eventsFrom) : beforeFirst(inputs.events, reached)
    },
    take({ seq, header, entries }) {
      const found: Finding[] = []
      const at = { app: id.app, slot: id.slot, bundle: header.number, seq }
      for (const [index, bytes] of entries.entries()) {
        const complain: Complain = (rule, what, dispatch) => {
          found.push({
            rule,
            ...at,
            entry: index,
            what,
            ...(dispatch === undefined ? {} : { dispatch }),
          })
        }
        const entry = decoded(bytes, complain)
        if (!entry) continue
        counts.entries += 1
        takeInput(inputs, entry, complain)
        takeDispatches(dispatches, entry, hash.bytes(bytes), complain)
      }
      closeInputs(inputs, header, (rule, what) => found.push({ rule, ...at, what }))
      reached = header.positions[eventsStream]
      counts.bundles += 1
      counts.firstNumber ||= header.number
      counts.lastNumber = header.number
      return found
    },
    get summary() {
      return {
        app: id.app,
        slot: id.slot,
        ...counts,
        started: dispatches.started,
        open: dispatches.open.size,
        ended: Object.fromEntries(dispatches.ended),
        epochs: inputs.epoch ?? 0,
      }
    },
  }
}

const wholeMessage = (seq: number | undefined): EventPlace | undefined =>
  seq === undefined ? undefined : { seq, index: Number.MAX_SAFE_INTEGER }

/** What was read before the kept journal begins is not known any more. */
function beforeFirst(
  { seqs, indexes }: Reads,
  reached: EventPlace | undefined,
): EventPlace | undefined {
  const [seq] = seqs
  const [index] = indexes
  return seq === undefined || index === undefined ? reached : { seq, index: index - 1 }
}

function decoded(bytes: Uint8Array, complain: Complain): Entry | undefined {
  try {
    return decodeEntry(bytes)
  } catch (cause) {
    complain('entry.decodes', cause instanceof Error ? cause.message : 'it cannot be decoded')
    return undefined
  }
}
