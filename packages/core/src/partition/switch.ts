import { commanded, quietCircuit, type CircuitView } from '../ledger/circuit-state.ts'
import { admitAgain, record } from './admission.ts'
import { takeState } from './circuits.ts'
import { move, type Draft } from './draft.ts'
import type { LetterAnswer, LetterBody } from './letter.ts'
import { ruleOf } from './state.ts'

type Command = Extract<LetterBody, { kind: 'circuit' }>

/**
 * An operator opens or closes a circuit, or lets somebody try. Other partitions than its home learn
 * that they are to ask it; what is so then is the home's knowledge.
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
  if (deed === 'probe') letOneTry(draft, ledger)
  const { state, until } = circuit
  return { kind: 'circuit', ledger, state, until, here: true }
}

function relay(draft: Draft, { ledger, do: deed, forMs }: Command): LetterAnswer {
  const { partition, at } = draft
  const knew = partition.views.get(ledger)?.open ?? false
  // Closed by hand, too, it is to be asked until it has come back step by step.
  if (deed === 'open' || knew) {
    const held = deed === 'open' && forMs === undefined ? { held: true } : {}
    takeState(draft, { ledger, open: true, until: at + (forMs ?? 0), ...held })
  }
  return viewed(ledger, partition.views.get(ledger))
}

const viewed = (ledger: string, view: CircuitView | undefined): LetterAnswer =>
  view?.open === true
    ? { kind: 'circuit', ledger, state: 'open', until: view.until, here: false }
    : { kind: 'circuit', ledger, state: 'closed', until: 0, here: false }

/** Whoever of this partition has waited longest; where there is none, the next one who asks. */
function letOneTry(draft: Draft, ledger: string): void {
  for (const dispatch of draft.partition.dispatches.values()) {
    const { state, flow } = dispatch.record
    if (state !== 'retryWait' || flow?.why?.gate !== ledger) continue
    const standing = admitAgain(draft, dispatch)
    move(draft, dispatch, { type: 'timer.due', timer: 'retry', ...(standing && { standing }) })
    return
  }
}
