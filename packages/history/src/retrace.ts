import {
  type Dispatch,
  type Entry,
  type Manifest,
  type Moved,
  retrace,
  type Transition,
} from '@waybill/core'
import { differences, type Difference } from './difference.ts'

/** One transition as the journal has it, with the entry that it stands in. */
export interface RecordedStep {
  readonly entry: Entry
  readonly fact: Transition
  /** Under which it was decided. */
  readonly epoch: number
}

export interface RetracedStep {
  readonly index: number
  /** Empty = the same. */
  readonly differences: readonly Difference[]
}

/**
 * Asks the machine of this build again for each transition of a dispatch, from the record before it
 * and what came in. It takes the ledgers' answers as recorded and reads nothing but the dispatch:
 * a partition as a whole is decided again by a replayer. The first difference ends it.
 *
 * @param steps from the first one on, without holes
 */
export function retraceDispatch(
  binding: Manifest,
  steps: readonly RecordedStep[],
): readonly RetracedStep[] {
  const retraced: RetracedStep[] = []
  let before: Dispatch | undefined
  for (const { entry, fact, epoch } of steps) {
    const moved = retrace(fact.dispatch, before, binding, fact.event, epoch)
    const effects = entry.effects.filter(
      (effect) => 'dispatch' in effect && effect.dispatch === fact.dispatch,
    )
    const found = differences(
      { transition: fact, effects },
      { transition: moved && decidedAgain(fact, moved), effects: moved?.effects ?? [] },
    )
    retraced.push({ index: fact.index, differences: found })
    before = after(before, fact)
    if (found.length > 0 || before === undefined) break
  }
  return retraced
}

/** The transition as it would be written down today. */
export const decidedAgain = (recorded: Transition, { from, via, record }: Moved): Transition => ({
  ...recorded,
  index: record.index - 1,
  from: recorded.origin ? null : from,
  to: record.state,
  via: [...via],
  record,
})

function after(
  before: Dispatch | undefined,
  { dispatch: id, origin, event, record }: Transition,
): Dispatch | undefined {
  const begun = before?.origin ?? origin
  if (begun === undefined) return undefined
  const limits = ('limits' in event ? event.limits : undefined) ?? before?.limits
  const batch = ('members' in event ? event.members : undefined) ?? before?.batch
  // The head of its hash chain is no part of what its machine knows.
  return { id, origin: begun, record, head: '', limits, batch }
}
