import type { FactOf } from './entry.ts'
import { answered, isProbe, letProbe, setCircuit } from '../ledger/circuit.ts'
import { quietCircuit } from '../ledger/circuit-state.ts'
import type { Opening } from '../ledger/fact.ts'
import {
  admit,
  count,
  createLedger,
  enter,
  evict,
  isEmpty,
  knows,
  leave,
  revoke,
  wait,
  type Ledger,
  type Undo,
} from '../ledger/ledger.ts'
import { labelIn } from '../ledger/limit.ts'
import type { Rule } from '../ledger/rule.ts'
import { keyOf, type Answer, type Ticket } from '../ledger/ticket.ts'
import { alarmOf, dueOfLedger, ruleOf, type Partition } from './state.ts'
import { schedule } from './timers.ts'
import { applyView } from './views.ts'

export type LedgerFact = FactOf<
  | 'ledger.asked'
  | 'ledger.granted'
  | 'ledger.evicted'
  | 'ledger.revoked'
  | 'ledger.left'
  | 'ledger.told'
  | 'ledger.switched'
  | 'ledger.viewed'
  | 'ledger.voided'
  | 'ledger.backlog'
  | 'ledger.settled'
>

/**
 * Takes a ledger's move as given. A step takes its own at once, as what it decides next rests on
 * it; that it can be taken back is what keeps the step whole.
 */
export function applyLedgerFact(partition: Partition, fact: LedgerFact, at: number): Undo {
  switch (fact.kind) {
    case 'ledger.voided':
      return addTo(partition.voided, `${fact.ledger} ${fact.ticket}`)
    case 'ledger.backlog':
      return addTo(partition.backlog, fact.ledger)
    case 'ledger.settled':
      setAlarms(partition, fact.ledger)
      return removeFrom(partition.backlog, fact.ledger)
    case 'ledger.asked':
      return applyAsked(partition, fact, at)
    case 'ledger.told':
    case 'ledger.switched':
      return applyCircuit(partition, fact)
    case 'ledger.viewed':
      return applyView(partition, fact)
    case 'ledger.granted':
    case 'ledger.evicted':
    case 'ledger.revoked':
    case 'ledger.left':
      return applyMove(partition, fact, at)
    default:
      return fact satisfies never
  }
}

function applyAsked(partition: Partition, fact: FactOf<'ledger.asked'>, at: number): Undo {
  const { ledger: id, opening, ticket, answer } = fact
  const undo: Undo[] = []
  if (opening) undo.push(bringIntoForce(partition, labelIn(id), opening))
  undo.push(removeFrom(partition.voided, `${id} ${keyOf(ticket)}`))
  if (answer.result !== 'refused') {
    const rule = ruleIn(partition, id)
    const ledger = opened(partition, id, opening, undo)
    if (rule.kind === 'circuit') undo.push(turned(ledger, ticket, answer, at))
    else if (answer.result === 'granted') undo.push(enter(ledger, ticket, rule, at))
    else undo.push(wait(ledger, ticket, at))
    undo.push(tidy(partition, ledger))
  } else if (answer.reason === 'debounced') undo.push(countIn(partition, id))
  return inReverse(undo)
}

/** The ledger of this id, made where there was none. */
function opened(
  partition: Partition,
  id: string,
  named: Pick<Opening, 'tenant' | 'key'> | undefined,
  undo: Undo[],
): Ledger {
  const known = partition.ledgers.get(id)
  if (known) return known
  const ledger = createLedger({ id, tenant: named?.tenant, key: named?.key })
  partition.ledgers.set(id, ledger)
  undo.push(() => partition.ledgers.delete(id))
  return ledger
}

const inReverse = (undo: readonly Undo[]): Undo => {
  return () => {
    for (const back of undo.toReversed()) back()
  }
}

/** A dispatch asked a circuit: it is let through, as the probe or on its turn, or is to come back. */
function turned(ledger: Ledger, ticket: Ticket, answer: Answer, at: number): Undo {
  const probing = answer.result === 'granted' && isProbe(answer.numbers)
  const undo = [setCircuit(ledger, answered(ledger.circuit ?? quietCircuit, answer, at))]
  if (probing) undo.push(letProbe(ledger, ticket))
  return inReverse(undo)
}

function applyCircuit(partition: Partition, fact: FactOf<'ledger.told' | 'ledger.switched'>): Undo {
  const undo: Undo[] = []
  const named = fact.kind === 'ledger.told' ? fact.opening : fact
  if (fact.kind === 'ledger.told' && fact.opening) {
    undo.push(bringIntoForce(partition, labelIn(fact.ledger), fact.opening))
  }
  undo.push(setCircuit(opened(partition, fact.ledger, named, undo), fact.circuit))
  return inReverse(undo)
}

function countIn({ ledgers }: Partition, id: string): Undo {
  const ledger = ledgers.get(id)
  return ledger ? count(ledger) : nothing
}

function applyMove(
  partition: Partition,
  fact: FactOf<'ledger.granted' | 'ledger.evicted' | 'ledger.revoked' | 'ledger.left'>,
  at: number,
): Undo {
  const { ledger: id, ticket } = fact
  const ledger = partition.ledgers.get(id)
  if (!ledger) throw new Error(`${fact.kind} in ${id}, where nobody asked`)
  const back = moved(ledger, fact, ticket, ruleIn(partition, id), at)
  const tidied = tidy(partition, ledger)
  return () => {
    tidied()
    back()
  }
}

function moved(
  ledger: Ledger,
  fact: FactOf<'ledger.granted' | 'ledger.evicted' | 'ledger.revoked' | 'ledger.left'>,
  ticket: string,
  rule: Rule,
  at: number,
): Undo {
  switch (fact.kind) {
    case 'ledger.granted':
      return admit(ledger, ticket, rule, at, fact.members)
    case 'ledger.evicted':
      return evict(ledger, ticket)
    case 'ledger.revoked':
      return revoke(ledger, ticket)
    case 'ledger.left':
      if (!knows(ledger, ticket)) throw new Error(`${ticket} has nothing in ${ledger.id}`)
      return leave(ledger, ticket)
    default:
      return fact satisfies never
  }
}

/** Keeps what is derived from a ledger, and the ledger only while it says something. */
function tidy(partition: Partition, ledger: Ledger): Undo {
  const { ledgers, queues, alarms } = partition
  const { id } = ledger
  const waited = queues.has(id)
  if (ledger.queue.waiters.size > 0) queues.add(id)
  else queues.delete(id)
  if (isEmpty(ledger)) {
    ledgers.delete(id)
    alarms.delete(id)
  } else setAlarm(partition, id)
  return () => {
    ledgers.set(id, ledger)
    if (waited) queues.add(id)
    else queues.delete(id)
  }
}

/** A timer for what a ledger does next of its own accord, unless it is set. */
export function setAlarm(partition: Partition, ledger: string): void {
  const { alarms, timers } = partition
  const due = dueOfLedger(partition, ledger)
  if (alarms.get(ledger) === due) return
  if (due === undefined) {
    alarms.delete(ledger)
    return
  }
  alarms.set(ledger, due)
  schedule(timers, due, alarmOf(ledger))
}

/** Of a ledger, or of all that have somebody waiting under a limit: its rule may have changed. */
function setAlarms(partition: Partition, name: string): void {
  for (const id of partition.queues) {
    if (id === name || labelIn(id) === name) setAlarm(partition, id)
  }
}

/** The newest rule wins, wherever it was heard of. */
export function bringIntoForce(
  partition: Partition,
  label: string,
  { rule, since }: { readonly rule: Rule; readonly since: number },
): Undo {
  const before = partition.rules.get(label)
  if (before && before.since >= since) return nothing
  partition.rules.set(label, { rule, since })
  return () => {
    if (before) partition.rules.set(label, before)
    else partition.rules.delete(label)
  }
}

export function ruleIn(partition: Partition, id: string): Rule {
  const rule = ruleOf(partition, id)
  if (!rule) throw new Error(`no rule for ${id}`)
  return rule
}

function addTo(set: Set<string>, member: string): Undo {
  if (set.has(member)) return nothing
  set.add(member)
  return () => {
    set.delete(member)
  }
}

function removeFrom(set: Set<string>, member: string): Undo {
  if (!set.has(member)) return nothing
  const before = [...set]
  set.delete(member)
  return () => {
    set.clear()
    for (const one of before) set.add(one)
  }
}

const nothing: Undo = () => undefined
