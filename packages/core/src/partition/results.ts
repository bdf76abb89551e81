import type { Dispatch } from '../dispatch/record.ts'
import { parseEffectId } from '../id.ts'
import { admit, applicantOf } from './admission.ts'
import { tryMove, type Draft } from './draft.ts'
import type { EffectResult, InputOf } from './entry.ts'
import { noteSent } from './outbox.ts'

/** What an effect brought, to whom it may concern. */
export function decideResult(draft: Draft, { effect, result }: InputOf<'result'>): void {
  const { partition, facts } = draft
  if (result.status === 'checkpointed') {
    const { status: _, ...pointer } = result
    facts.push({ kind: 'checkpoint', ...pointer })
    return
  }
  if (result.status === 'posted') return noteSent(draft, result.to, result.upTo)
  const id = parseEffectId(effect)?.dispatch
  const dispatch = id === undefined ? undefined : partition.dispatches.get(id)
  if (dispatch?.record.effect !== effect || !answer(draft, dispatch, result)) {
    facts.push({ kind: 'result.late', effect, status: result.status })
  }
}

/** False: nothing waits for this kind of result. */
function answer(draft: Draft, dispatch: Dispatch, result: EffectResult): boolean {
  const asking = dispatch.record.state === 'predicate'
  switch (result.status) {
    case 'succeeded':
      return tryMove(draft, dispatch, { type: 'attempt.succeeded' })
    case 'failed': {
      const { error } = result
      if (!asking) return tryMove(draft, dispatch, { type: 'attempt.failed', error })
      const reason = `predicate.error: ${error.message}`.slice(0, 512)
      return tryMove(draft, dispatch, { type: 'predicate.answered', matched: false, reason })
    }
    case 'judged':
      return judged(draft, dispatch, result)
    case 'killed':
      return tryMove(draft, dispatch, { type: 'attempt.lost', alone: true })
    case 'parked':
      return tryMove(draft, dispatch, { type: 'attempt.parked' })
    case 'unhosted':
      return tryMove(draft, dispatch, { type: 'version.missing' })
    case 'checkpointed':
    case 'posted':
      return false
    default:
      return result satisfies never
  }
}

function judged(
  draft: Draft,
  dispatch: Dispatch,
  { matched, reason, limits }: Extract<EffectResult, { status: 'judged' }>,
): boolean {
  // Late: its answer must ask no limits.
  if (dispatch.record.state !== 'predicate') return false
  const applicant = applicantOf(draft.partition, dispatch)
  const asking = limits ? { ...applicant, limits } : applicant
  const standing = matched ? admit(draft, asking, 0, undefined) : undefined
  return tryMove(draft, dispatch, {
    type: 'predicate.answered',
    matched,
    reason,
    ...(limits && { limits }),
    ...(standing && { standing }),
  })
}
