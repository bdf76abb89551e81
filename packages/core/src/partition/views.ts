import { isQuiet, isQuietView, isShut } from '../ledger/circuit-state.ts'
import { isEmpty, type Undo } from '../ledger/ledger.ts'
import type { FactOf } from './entry.ts'
import { ruleOf, type Partition } from './state.ts'

/**
 * Is a dispatch to ask this circuit first? That a circuit is closed costs nothing to find out: where
 * nobody failed, nothing is known of it.
 *
 * @param here is its home this partition?
 */
export function mustAskCircuit(
  { ledgers, views }: Partition,
  ledger: string,
  here: boolean,
  at: number,
): boolean {
  if (!here) return views.get(ledger)?.open ?? false
  const circuit = ledgers.get(ledger)?.circuit
  return circuit !== undefined && isShut(circuit, at)
}

export function applyView({ views }: Partition, fact: FactOf<'ledger.viewed'>): Undo {
  const { ledger, view } = fact
  const before = views.get(ledger)
  if (view) views.set(ledger, view)
  else views.delete(ledger)
  return () => {
    if (before) views.set(ledger, before)
    else views.delete(ledger)
  }
}

/** Circuits that have been closed and quiet for long enough, and views of such. */
export function sweepCircuits(partition: Partition, at: number): void {
  const { ledgers, views } = partition
  for (const [id, ledger] of ledgers) {
    if (!ledger.circuit) continue
    const rule = ruleOf(partition, id)
    if (rule?.kind === 'circuit' && !isQuiet(ledger.circuit, rule, at)) continue
    ledger.circuit = undefined
    if (isEmpty(ledger)) ledgers.delete(id)
  }
  for (const [id, view] of views) if (isQuietView(view, at)) views.delete(id)
}
