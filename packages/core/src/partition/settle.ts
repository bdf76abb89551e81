import type { Dispatch } from '../dispatch/record.ts'
import type { Flow, Member } from '../dispatch/flow.ts'
import { gateOf } from '../ledger/gates.ts'
import type { Next } from '../ledger/gate.ts'
import { labelIn } from '../ledger/limit.ts'
import { keyOf, type Ticket } from '../ledger/ticket.ts'
import { admit, applicantOf, record } from './admission.ts'
import { hasRoom, move, type Draft } from './draft.ts'
import { limits } from './entry.ts'
import { setAlarm } from './ledgers.ts'
import type { LetterBody } from './letter.ts'
import { post } from './outbox.ts'
import { manifestOf, ruleOf } from './state.ts'
import { turnedBack } from './stopped.ts'

/*
 * What ledgers do next, once what an input asked for is decided: those who wait are let in where
 * there is room now, or turned away in another's favour. What does not fit the step, or concerns a
 * dispatch that has moved in it, is left to ticks.
 */

export function settle(draft: Draft): void {
  for (const ledger of draft.touched) {
    draft.touched.delete(ledger)
    // What ticks go on with needs no alarm, and must not ring in this step again.
    if (settleOne(draft, ledger)) setAlarm(draft.partition, ledger)
    else leaveToTicks(draft, ledger)
  }
}

/** For a step that must not fail: ticks see to what may happen next. */
export function settleLater(draft: Draft): void {
  for (const ledger of draft.touched) leaveToTicks(draft, ledger)
  draft.touched.clear()
}

/** Goes on with one ledger, or with all ledgers of a limit in which somebody waits. */
export function continueBacklog(draft: Draft, name: string): void {
  const { partition } = draft
  const meant = [...partition.queues].filter((id) => id === name || labelIn(id) === name)
  const ledgers = meant.includes(name) || !partition.ledgers.has(name) ? meant : [...meant, name]
  for (const ledger of ledgers.sort()) {
    if (!settleOne(draft, ledger)) return
  }
  record(draft, { kind: 'ledger.settled', ledger: name })
}

function leaveToTicks(draft: Draft, ledger: string): void {
  if (!draft.partition.backlog.has(ledger)) record(draft, { kind: 'ledger.backlog', ledger })
}

/** False: there is more to do than this step may. */
function settleOne(draft: Draft, id: string): boolean {
  const { partition, at } = draft
  for (;;) {
    const ledger = partition.ledgers.get(id)
    const rule = ruleOf(partition, id)
    if (!ledger || !rule) return true
    const next = gateOf(rule).next(ledger, rule, at)
    if (!next) return true
    const bytes = 'members' in next ? (next.members?.length ?? 0) * memberBytes : 0
    if (!hasRoom(draft, limits.bulkPerTickMax, bytes) || !carryOut(draft, id, next)) return false
  }
}

/** False: the dispatch that it is about has moved in this step. */
function carryOut(draft: Draft, ledger: string, next: Next): boolean {
  const { ticket } = next
  const key = keyOf(ticket)
  const local = isLocal(draft, ticket)
  if (local && draft.moved.has(ticket.dispatch)) return false
  const asked = { dispatch: ticket.dispatch, admission: ticket.admission, index: ticket.index }
  switch (next.do) {
    case 'grant':
      grant(draft, ledger, next)
      return true
    case 'evict': {
      const { reason, by, numbers } = next
      record(draft, { kind: 'ledger.evicted', ledger, ticket: key, reason, by, numbers })
      tell(draft, ticket, { kind: 'refused', ...asked, reason, by, numbers })
      return true
    }
    case 'revoke':
      record(draft, { kind: 'ledger.revoked', ledger, ticket: key, by: next.by })
      tell(draft, ticket, { kind: 'revoke', ...asked, by: next.by })
      return true
    default:
      return next satisfies never
  }
}

function grant(draft: Draft, ledger: string, next: Extract<Next, { do: 'grant' }>): void {
  const { ticket, numbers, members = [] } = next
  const { dispatch, admission, index } = ticket
  const key = keyOf(ticket)
  const isBatch = members.length > 0
  const merged = isBatch ? members.map(keyOf) : undefined
  record(draft, { kind: 'ledger.granted', ledger, ticket: key, numbers, members: merged })
  draft.weight += members.length * memberBytes
  const permit = draft.partition.ledgers.get(ledger)?.holders.has(key) ?? false
  const batch = isBatch ? [ticket, ...members].map(memberOf) : undefined
  const asked = { dispatch, admission, index }
  tell(draft, ticket, { kind: 'granted', ...asked, numbers, permit, members: batch })
}

/** Its key stands in the entry and, with its place, in what the leader is told. */
const memberBytes = 200

const memberOf = ({ dispatch, order }: Ticket): Member => ({ dispatch, order })

export type GateAnswer = Extract<
  LetterBody,
  { kind: 'granted' | 'waiting' | 'refused' | 'deferred' | 'revoke' }
>

const isLocal = ({ partition }: Draft, { app, slot }: Ticket): boolean =>
  app === partition.app && slot === partition.slot

function tell(draft: Draft, ticket: Ticket, body: GateAnswer): void {
  if (!isLocal(draft, ticket)) {
    post(draft, { app: ticket.app, slot: ticket.slot, lane: 'answer' }, body)
  } else if (!hear(draft, body)) {
    throw new Error(`${ticket.dispatch} does not wait for ${body.kind}`)
  }
}

/** A dispatch of this partition is told what a ledger says. False: it does not wait for that. */
export function hear(draft: Draft, body: GateAnswer): boolean {
  const dispatch = draft.partition.dispatches.get(body.dispatch)
  const flow = dispatch?.record.flow
  if (!dispatch || !flow || !awaits(dispatch, body)) return false
  if (body.kind === 'revoke') {
    move(draft, dispatch, { type: 'dispatch.superseded', by: body.by })
    return true
  }
  const { numbers } = body
  const gate = dispatch.limits?.[body.index]?.ledger ?? ''
  switch (body.kind) {
    case 'granted':
      letIn(draft, dispatch, body)
      return true
    case 'waiting':
      makeWait(draft, dispatch, flow, { gate, numbers })
      return true
    case 'refused':
      turnAway(draft, dispatch, gate, body)
      return true
    case 'deferred':
      turnBack(draft, dispatch, flow, gate, body)
      return true
    default:
      return body satisfies never
  }
}

function makeWait(
  draft: Draft,
  dispatch: Dispatch,
  flow: Flow,
  why: NonNullable<Flow['why']>,
): void {
  const standing = { result: 'waiting', flow: { ...flow, letter: undefined, why } } as const
  move(draft, dispatch, { type: 'gate.waiting', standing })
}

function turnBack(
  draft: Draft,
  dispatch: Dispatch,
  flow: Flow,
  gate: string,
  { index, numbers, until }: Extract<LetterBody, { kind: 'deferred' }>,
): void {
  const limit = manifestOf(draft.partition, dispatch.origin.binding).flow?.limits[index]
  if (!limit) throw new Error(`${dispatch.id} has no limit ${index}`)
  const standing = turnedBack(limit, flow, { gate, numbers }, until)
  move(draft, dispatch, { type: 'circuit.answered', standing })
}

function turnAway(
  draft: Draft,
  dispatch: Dispatch,
  gate: string,
  { reason, by, numbers }: Extract<LetterBody, { kind: 'refused' }>,
): void {
  const isSuperseded = reason === 'superseded' && by !== undefined
  if (isSuperseded) move(draft, dispatch, { type: 'dispatch.superseded', by })
  else move(draft, dispatch, { type: 'gate.refused', gate, reason, numbers, ...(by && { by }) })
}

/** One limit lets it in: it asks the next ones. */
function letIn(
  draft: Draft,
  dispatch: Dispatch,
  { index, admission, numbers, permit, members }: Extract<LetterBody, { kind: 'granted' }>,
): void {
  const applicant = applicantOf(draft.partition, dispatch)
  const before = dispatch.record.flow
  if (!before) throw new Error(`${dispatch.id} has no limit ${index}`)
  const standsFor = members?.length ?? numbers['came'] ?? before.standsFor
  const held = permit ? [...before.held, [index, admission] as const] : before.held
  const now = {
    admission,
    held: held.map(([one, of]): [number, number] => [one, of]),
    standsFor,
    counted: before.counted,
  }
  const standing = admit(draft, applicant, index + 1, now)
  move(draft, dispatch, {
    type: 'gate.granted',
    numbers,
    ...(standing && { standing }),
    ...(members && { members }),
  })
}

/** Does it wait for this answer, or hold what it is told to give up? */
export function awaits(
  { record: { state, flow } }: Dispatch,
  {
    kind,
    index,
    admission,
  }: { readonly kind: string; readonly index: number; readonly admission: number },
): boolean {
  if (kind === 'revoke') {
    return flow?.held.some(([one, of]) => one === index && of === admission) ?? false
  }
  return state === 'flowGated' && flow?.admission === admission && flow.asked === index
}
