import { isShut, probeWaitMs, rampMsMax, rampOf, type Circuit } from './circuit-state.ts'
import type { Gate } from './gate.ts'
import type { Ledger, Undo } from './ledger.ts'
import type { RuleOf } from './rule.ts'
import { keyOf, type Answer, type Numbers, type Ticket } from './ticket.ts'

/**
 * The breaker of one destination (rule 8): while too many fail, dispatches are told when to come
 * back; then one may try, and if that goes well, more and more of them. A healthy circuit has no
 * ledger, and nobody asks it.
 */
export const circuit: Gate<'circuit'> = {
  kind: 'circuit',
  judge({ circuit: known, holders }, rule, ticket, at) {
    if (!known || !isShut(known, at)) return { result: 'granted', numbers: {} }
    if (known.state === 'closed') return onTurn(known, at)
    const mayTry = known.held !== true && known.until <= at
    if (!mayTry) return turnedBack(known, rule, ticket, at)
    if (holders.size === 0) return { result: 'granted', numbers: { ...numbersOf(known), probe: 1 } }
    return { result: 'deferred', until: at + probeWaitMs(known, at), numbers: numbersOf(known) }
  },
  next: () => undefined,
  due: () => undefined,
}

/** It has just closed: as many as their turn has come may go. */
function onTurn({ since, passed, turns }: Circuit, at: number): Answer {
  if (since + rampOf(passed + 1) <= at) {
    return { result: 'granted', numbers: { closed: since, passed: passed + 1 } }
  }
  const turn = Math.max(passed, turns) + 1
  return { result: 'deferred', until: since + rampOf(turn), numbers: { closed: since, turn } }
}

function turnedBack(
  known: Circuit,
  { openMs, openMaxMs }: RuleOf<'circuit'>,
  { dispatch }: Ticket,
  at: number,
): Answer {
  const { held, until, since, turns, failed } = known
  const numbers = numbersOf(known)
  if (held === true) {
    // As long again as it has lasted: soon after a short one, seldom during a long one.
    const base = at + Math.min(openMaxMs, Math.max(openMs, at - since))
    return { result: 'deferred', until: base, numbers }
  }
  const turn = turns + 1
  // Others go first, all of them: or the same one would spend its attempts on every probe.
  if (dispatch === failed) return { result: 'deferred', until: until + rampMsMax, numbers }
  return { result: 'deferred', until: until + rampOf(turn), numbers: { ...numbers, turn } }
}

function numbersOf({ row, since, until, held }: Circuit): Numbers {
  return { failures: row, opened: since, ...(held !== true && { until }) }
}

/** What an answer changes. */
export function answered(known: Circuit, { result, numbers }: Answer, at: number): Circuit {
  if (result === 'deferred') {
    return { ...known, turns: Math.max(known.turns, numbers['turn'] ?? 0) }
  }
  if (result !== 'granted') return known
  return isProbe(numbers) ? { ...known, probed: at } : { ...known, passed: known.passed + 1 }
}

/** Was it let through to find out, and holds the circuit's one permit until it has? */
export const isProbe = (numbers: Numbers): boolean => numbers['probe'] === 1

// --- moves -----------------------------------------------------------------------------------

export function setCircuit(ledger: Ledger, after: Circuit): Undo {
  const { circuit: before } = ledger
  ledger.circuit = after
  return () => {
    ledger.circuit = before
  }
}

/** The one who is let through to find out. */
export function letProbe(ledger: Ledger, who: Ticket): Undo {
  ledger.holders.set(keyOf(who), who)
  return () => {
    ledger.holders.delete(keyOf(who))
  }
}
