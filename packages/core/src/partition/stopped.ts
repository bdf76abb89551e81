import type { KeyedLimit } from '../binding.ts'
import type { Flow, Standing } from '../dispatch/flow.ts'
import type { Answer } from '../ledger/ticket.ts'

/** Undefined: the limit lets it in. */
export function stoppedBy(
  limit: KeyedLimit,
  flow: Flow,
  gate: string,
  answer: Answer,
): Standing | undefined {
  const { numbers } = answer
  switch (answer.result) {
    case 'granted':
      return undefined
    case 'waiting':
      return { result: 'waiting', flow: { ...flow, why: { gate, numbers } } }
    case 'refused': {
      const { admission, held } = flow
      const { reason, by } = answer
      return { result: 'refused', flow: { admission, held }, gate, reason, numbers, by }
    }
    case 'deferred':
      return turnedBack(limit, flow, { gate, numbers }, answer.until)
    default:
      return answer satisfies never
  }
}

/** An open circuit is for the binding to make something of: it comes back, or is dead. */
export function turnedBack(
  { rule }: KeyedLimit,
  { admission, held, standsFor }: Flow,
  why: NonNullable<Flow['why']>,
  until: number,
): Standing {
  if (rule.kind === 'circuit' && rule.whenOpen === 'dlq') {
    return { result: 'refused', flow: { admission, held }, reason: 'circuit_open', ...why }
  }
  return { result: 'deferred', until, flow: { admission, held, standsFor, why } }
}
