import { commanded, quietCircuit, type CircuitView } from '../ledger/circuit-state.ts'
import type { Dispatch } from '../dispatch/record.ts'
import { admitAgain, record } from './admission.ts'
import { takeState } from './circuits.ts'
import { move, type Draft } from './draft.ts'
import type { LetterAnswer, LetterBody } from './letter.ts'
import { ruleOf, type Partition } from './state.ts'

type Command = Extract<LetterBody, { kind: 'circuit' }>
type Answer = Extract<LetterAnswer, { kind: 'circuit' }>

/**
 * An operator opens or closes a circuit, or lets somebody try. Other partitions than its home learn
 * that they are to ask it; what is so then is the home's knowledge. Closed, it wakes who waits for it:
 * ticks see to that (`tryAgain`), and each asks and is told its turn, as after a probe.
 */
export function switchCircuit(draft: Draft, command: Command): LetterAnswer {
  const { ledger, home, tenant, key, do: deed, by, reason } = command
  const { partition, at } = draft
  if (home !== partition.slot) return relay(draft, command)
  const rule = ruleOf(partition, ledger)
  if (rule?.kind !== 'circuit') {
    return {
      kind: 'refused',
      code: 'not_found',
      reason: `${ledger} is no circuit of ${partition.app}`,
    }
  }
  const known = partition.ledgers.get(ledger)
  const circuit = commanded(known?.circuit ?? quietCircuit, rule, command, at)
  if (!circuit) {
    return { kind: 'refused', code: 'not_open', reason: `${ledger} is closed: anybody may try` }
  }
  const named = known ? {} : { tenant, key }
  record(draft, { kind: 'ledger.switched', ledger, ...named, do: deed, by, reason, circuit })
  const { state, until } = circuit
  const answer = { kind: 'circuit' as const, ledger, state, until, here: true }
  return deed === 'probe' ? { ...answer, woke: letOneTry(draft, ledger) } : answer
}

function relay(draft: Draft, { ledger, do: deed, forMs, wake }: Command): LetterAnswer {
  const { partition, at } = draft
  const knew = partition.views.get(ledger)?.open ?? false
  // Closed by hand, too, it is to be asked until it has come back step by step.
  if (deed === 'open' || knew) {
    const held = deed === 'open' && forMs === undefined ? { held: true } : {}
    takeState(draft, { ledger, open: true, until: at + (forMs ?? 0), ...held })
  }
  const answer = viewed(ledger, partition.views.get(ledger))
  if (deed !== 'probe') return answer
  return { ...answer, woke: wake === true && letOneTry(draft, ledger) }
}

const viewed = (ledger: string, view: CircuitView | undefined): Answer =>
  view?.open === true
    ? { kind: 'circuit', ledger, state: 'open', until: view.until, here: false }
    : { kind: 'circuit', ledger, state: 'closed', until: 0, here: false }

/** Whoever of this partition has waited longest; where there is none, the next one who asks. */
function letOneTry(draft: Draft, ledger: string): boolean {
  for (const dispatch of draft.partition.dispatches.values()) {
    if (tryAgain(draft, ledger, dispatch)) return true
  }
  return false
}

/** Does anybody of this partition wait for it to let him in? */
export function isWaitedFor({ dispatches }: Partition, ledger: string): boolean {
  for (const dispatch of dispatches.values()) if (waitsFor(ledger, dispatch)) return true
  return false
}

const waitsFor = (ledger: string, { record: { state, flow } }: Dispatch): boolean =>
  state === 'retryWait' && flow?.why?.gate === ledger

/** False: it does not wait for this circuit. */
export function tryAgain(draft: Draft, ledger: string, dispatch: Dispatch): boolean {
  if (!waitsFor(ledger, dispatch)) return false
  const standing = admitAgain(draft, dispatch)
  move(draft, dispatch, { type: 'timer.due', timer: 'retry', ...(standing && { standing }) })
  return true
}
