import {
  attemptError,
  type AttemptClass,
  type CauseClass,
  type DeadReason,
  hashParts,
  type Hash,
  limits,
  outcome,
} from '@waybill/core'
import type { Change, Move, Projection } from './projection.ts'

/**
 * Dispatches that ended in `dlq` (rule 11), and what became of them since. That a redriven one
 * succeeded shows in the dispatch that runs it again.
 */
export const deadLetters: Projection = {
  tables: ['dead_letter', 'death'],
  fold: (_entry, { hash, seq }, moves) =>
    moves
      .filter(({ after }) => after.state === 'dlq')
      .flatMap((move): Change[] => {
        const row = letterOf(move, hash)
        return died(move)
          ? [row, { table: 'death', row: { number: move.after.number, seq } }]
          : [row]
      }),
}

/** Not what became of it since. */
export const died = ({ before, after }: Move): boolean =>
  after.state === 'dlq' && before?.state !== 'dlq'

const statusAfter = (fact: Move['fact']): 'pending' | 'redriven' | 'discarded' => {
  if (fact.kind === 'dead.redriven') return 'redriven'
  return fact.kind === 'dead.discarded' ? 'discarded' : 'pending'
}

function letterOf({ after, fact }: Move, hash: Hash): Change {
  const reason = reasonOf(after)
  const error = after.error === null ? undefined : attemptError.parse(JSON.parse(after.error))
  const { number, id, app, binding, version, event, type, tenant, at, attempt } = after
  const cause = causeOf(reason, error)
  const top = topOf(error?.message ?? reason)
  return {
    table: 'dead_letter',
    row: {
      number,
      id,
      app,
      binding,
      version,
      event,
      type,
      tenant,
      reason,
      class: cause,
      error: after.error,
      fingerprint: hashParts(hash, cause, top, `${binding}@v${version}`).slice(0, 16),
      top,
      attempts: attempt,
      at,
      expires_at: at + limits.deadRememberedMs,
      status: statusAfter(fact),
      redrives: fact.kind === 'dead.redriven' ? 1 : 0,
    },
  }
}

function reasonOf({ id, outcome: json }: Move['after']): DeadReason {
  const ended = json === null ? undefined : outcome.parse(JSON.parse(json))
  if (ended?.status !== 'dlq') throw new Error(`${id} is in dlq without a reason`)
  return ended.reason
}

const ofReason: Partial<Record<DeadReason, CauseClass>> = {
  loop: 'loop',
  poison: 'poison',
  lost: 'lost',
  budget_exhausted: 'budget',
  expired: 'timeout',
}

const ofClass: Record<AttemptClass, CauseClass> = {
  permanent: 'handler',
  retryable: 'handler',
  timeout: 'timeout',
  cancelled: 'handler',
  denied: 'auth',
  lost: 'lost',
  rate_limited: 'rate_limited',
}

/** From what was typed where it happened, never from text. */
function causeOf(
  reason: DeadReason,
  error: { class: AttemptClass; causeClass?: CauseClass | undefined } | undefined,
): CauseClass {
  const known = ofReason[reason]
  if (known !== undefined) return known
  return error === undefined ? 'unknown' : (error.causeClass ?? ofClass[error.class])
}

/**
 * The first line of a message without what makes each one different: ids, numbers, quoted text.
 * Ids go first, or their digits would be taken one by one.
 */
export function topOf(message: string): string {
  const [line = ''] = message.slice(0, 512).split('\n', 1)
  return line
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b(?=[a-f]*\d)[0-9a-f]{8,}\b/gi, '#')
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, '"…"')
    .replace(/\d+/g, '#')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 120)
}
