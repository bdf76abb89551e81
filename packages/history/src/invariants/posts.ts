import type { Fact, PartitionId, Receiver } from '@waybill/core'
import type { Complain } from '../finding.ts'
import type { Invariant } from '../invariant.ts'

export const posts: Invariant = {
  name: 'posts',
  law: 'I18',
  holds: 'letters are numbered 1, 2, 3 ... per receiver and lane, and only what was queued is sent',
  of: 'partition',
  watch({ id, fromStart }) {
    const last = new Map<string, number>()
    if (!fromStart) return {}
    return {
      fact: (fact, _, complain) => checkQueued(id, last, fact, complain),
      decided({ entry: { effects } }, complain) {
        for (const effect of effects) {
          if (effect.kind !== 'sendLetters') continue
          const most = last.get(laneOf(effect.to)) ?? 0
          if (effect.upTo <= most) continue
          complain('post.sent', `${effect.upTo} to ${laneOf(effect.to)} sets out after ${most}`)
        }
      },
    }
  },
}

const laneOf = ({ app, slot, lane }: Receiver): string => `${app}/${slot} ${lane}`

function checkQueued(
  { app, slot }: PartitionId,
  last: Map<string, number>,
  fact: Fact,
  complain: Complain,
): void {
  if (fact.kind !== 'letter.queued' && fact.kind !== 'letter.sent') return
  const lane = laneOf(fact.to)
  const before = last.get(lane) ?? 0
  if (fact.kind === 'letter.sent') {
    if (fact.number > before) {
      complain('post.sent', `${fact.number} to ${lane} is sent, ${before} were queued`)
    }
    return
  }
  const { number, letter } = fact
  if (number !== before + 1) complain('post.number', `${number} to ${lane} after ${before}`)
  const { kind, id, number: own } = letter.from
  if (kind !== 'partition' || id !== `${app}/${slot}` || own !== number) {
    complain('post.from', `letter ${number} to ${lane} says it is ${own} of ${id}`)
  }
  last.set(lane, number)
}
