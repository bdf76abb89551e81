import { type Answer, refused } from '@waybill/api'
import { retraceDispatch } from '@waybill/history'
import {
  type DispatchTable,
  type HistorySource,
  listBindings,
  readHistory,
} from '@waybill/projections'

/** A dispatch has far fewer. */
const transitionsMax = 10_000

/** Its recorded transitions, decided again by the machine of this build. */
export async function replayOf(
  { db, log }: HistorySource,
  row: DispatchTable,
): Promise<Omit<Answer<'dispatch.replay'>, 'asOf'>> {
  const { id: dispatch, app } = row
  const { entries, verified } = await readHistory({ db, log }, row, transitionsMax)
  if (verified.result === 'partial') return { dispatch, verdict: 'not_kept', steps: [] }
  const key = `${row.binding}@v${row.version}`
  const [binding] = await listBindings(db, { app, binding: key })
  if (!binding) throw refused('binding_gone', `nothing is known of ${key} any more`)
  const recorded = entries.flatMap(({ entry, fact, epoch }) =>
    fact.kind === 'transition' ? [{ entry, fact, epoch }] : [],
  )
  const steps = retraceDispatch(binding.manifest, recorded).map(({ index, differences }) => ({
    index,
    same: differences.length === 0,
    differences: [...differences],
  }))
  const same = steps.every((step) => step.same)
  return { dispatch, verdict: same ? 'same' : 'differs', steps }
}
