import type { Outcome } from '@waybill/core'
import type { Invariant, Taken } from '../invariant.ts'

export const batches: Invariant = {
  name: 'batches',
  law: 'I17',
  holds: 'an event is in one batch, and who is merged ends in favour of the one that leads it',
  of: 'history',
  watch() {
    // Ledger and ticket of a member -> those of who leads it.
    const leaders = new Map<string, string>()
    const ends = new Map<string, Outcome>()
    return {
      fact(fact, { entry }, complain) {
        if (fact.kind === 'transition' && fact.record.outcome) {
          ends.set(fact.dispatch, fact.record.outcome)
        }
        if (fact.kind !== 'ledger.granted') return
        for (const member of fact.members ?? []) {
          const name = `${fact.ledger} ${member}`
          if (leaders.has(name)) complain('batch.once', `${member} is in two batches`)
          leaders.set(name, `${fact.ledger} ${fact.ticket}`)
        }
        checkTold(fact.ticket, fact.members ?? [], entry, (what) => complain('batch.told', what))
      },
      end(complain) {
        for (const [member, leader] of leaders) {
          if (leaders.has(leader)) complain('batch.leader', `${leader} leads and is led`)
          const dispatch = dispatchIn(member)
          const outcome = ends.get(dispatch)
          if (!outcome || isMerged(outcome, dispatchIn(leader))) continue
          const { status } = outcome
          const end = status === 'skipped' ? `${status} ${outcome.reason}` : status
          complain('batch.merged', `led by ${leader}, it ends as ${end}`, { dispatch })
        }
      },
    }
  },
}

const dispatchIn = (ticket: string): string =>
  ticket.slice(ticket.lastIndexOf(' ') + 1, ticket.indexOf('#'))

/** Or it ended of something else before it was told. */
const isMerged = (outcome: Outcome, leader: string): boolean =>
  outcome.status === 'cancelled' ||
  outcome.status === 'dlq' ||
  (outcome.status === 'skipped' && outcome.reason.includes(leader))

/** The leader is told whom it stands for: itself first, then those who are merged into it. */
function checkTold(
  leader: string,
  members: readonly string[],
  { facts }: Taken['entry'],
  say: (what: string) => void,
): void {
  if (members.length === 0) return
  const expected = [leader, ...members].map(dispatchIn).join()
  const told = facts.flatMap((fact) => {
    if (fact.kind === 'transition' && fact.dispatch === dispatchIn(leader)) {
      return fact.event.type === 'gate.granted' ? [fact.event.members ?? []] : []
    }
    if (fact.kind !== 'letter.queued' || fact.letter.body.kind !== 'granted') return []
    const { body } = fact.letter
    return body.dispatch === dispatchIn(leader) ? [body.members ?? []] : []
  })
  const said = told[0]?.map(({ dispatch }) => dispatch).join()
  if (told.length !== 1 || said !== expected) say(`${leader} is told of ${said ?? 'nobody'}`)
}
