import { labelIn, type Transition } from '@waybill/core'
import type { GateWord } from '../gates.ts'
import { numbersText } from '../held.ts'
import type { HistoryEntry } from '../history.ts'
import { moveTo, type Pen, skipId } from './pen.ts'

/**
 * The limits that a dispatch asked, in the order in which it did: each with its numbers, and with
 * how long it waited there. One that is healthy and was not asked is not drawn.
 */
export function drawGates(pen: Pen, one: HistoryEntry, fact: Transition): void {
  for (const word of pen.words) drawWord(pen, one, word)
  if (fact.event.type === 'gate.granted' && fact.event.members && pen.words[0]) {
    drawMembers(pen, pen.words[0], fact.event.members)
  }
}

function drawWord(pen: Pen, { entry, seq }: HistoryEntry, word: GateWord): void {
  const { canvas, manifest } = pen
  const id = gateId(pen.id, word)
  const rule = manifest?.flow?.limits[word.index]?.rule.kind
  const about = {
    label: labelOfGate(rule ?? 'limit', word),
    status: statuses[word.result],
    outcome: word.reason ?? word.result,
    seq,
  }
  const metadata = { ...metadataOf(pen, word), ...(rule && { rule }) }
  if (canvas.has(id)) {
    canvas.change(id, { ...about, metadata: { ...metadata, endedAt: entry.at } })
    return
  }
  const kind = rule === 'circuit' ? 'circuit' : 'gate'
  canvas.put({ id, kind, ...about, metadata: { ...metadata, askedAt: entry.at } })
  moveTo(pen, id, 'flow_gate')
}

function metadataOf({ id: dispatch, binding }: Pen, word: GateWord) {
  const { ledger, admission, numbers, reason, by, until } = word
  return {
    dispatch,
    binding,
    limit: labelIn(ledger),
    ledger,
    admission,
    numbers,
    ...(reason !== undefined && { reason }),
    ...(by !== undefined && { by }),
    ...(until !== undefined && { until }),
  }
}

const statuses = {
  asked: 'asking',
  granted: 'completed',
  waiting: 'waiting',
  refused: 'refused',
  deferred: 'deferred',
} as const satisfies Record<GateWord['result'], string>

const gateId = (dispatch: string, { ledger, admission }: Pick<GateWord, 'ledger' | 'admission'>) =>
  `gate:${dispatch}:${ledger}:${admission}`

function labelOfGate(kind: string, { ledger, numbers }: GateWord): string {
  const told = numbersText(numbers)
  return told === '' ? `${kind} ${labelIn(ledger)}` : `${kind} ${labelIn(ledger)} (${told})`
}

/** A wait that ended otherwise than by an answer. */
export function leaveGate({ canvas, at, words }: Pen, { to }: Transition, seq: number): void {
  if (at === undefined || words.length > 0 || to === 'flowGated' || to === 'attempting') return
  canvas.change(at, { status: 'left', outcome: to, seq })
}

/** Who leads a batch is linked with those it stands for, whichever of them is looked at. */
function drawMembers(
  { canvas, id: leader }: Pen,
  word: GateWord,
  members: readonly { readonly dispatch: string }[],
): void {
  for (const { dispatch } of members) {
    if (dispatch === leader) continue
    const id = skipId(dispatch)
    const about = { dispatch, stage: 'gate', reason: 'batch_merged', by: leader }
    const merged = { status: 'skipped', outcome: 'gate' }
    canvas.offer({ id, kind: 'skip', label: 'batch_merged', ...merged, metadata: about, seq: 0 })
    canvas.edge(id, gateId(leader, word), 'batch_member')
  }
}

/** The other direction: a member names its leader. */
export function drawLeader({ canvas, id: member, words }: Pen): void {
  const [word] = words
  if (word?.reason !== 'batch_merged' || word.by === undefined) return
  const id = gateId(word.by, word)
  const about = { dispatch: word.by, limit: labelIn(word.ledger), ledger: word.ledger }
  const label = `batch ${labelIn(word.ledger)}`
  canvas.offer({ id, kind: 'gate', label, status: 'completed', metadata: about, seq: 0 })
  canvas.edge(skipId(member), id, 'batch_member')
}
