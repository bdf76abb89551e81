import type { DispatchRecord, Input, Manifest, Transition } from '@waybill/core'
import type { Invariant } from '../invariant.ts'

export const poison: Invariant = {
  name: 'poison',
  law: 'I3',
  holds:
    'what was lost with its host runs alone from then on, each loss of it alone counts, and ' +
    '`poisonMax` of them end it as poison (rule 12.3), no fewer and no more',
  of: 'partition',
  watch: () => ({
    transition(move, complain) {
      const { fact, before, manifest } = move
      if (!before || !manifest) return
      const say = (what: string): void =>
        complain('attempt.poison', what, { dispatch: fact.dispatch })
      checkLoss(fact, before.last, move.entry.input, say)
      checkKills(fact, before.last, manifest, say)
      const alone = fact.record.alone || manifest.handler.isolate
      for (const effect of move.entry.effects) {
        if (effect.kind !== 'runAttempt' || effect.dispatch !== fact.dispatch) continue
        if (effect.alone !== alone) say(`attempt ${effect.attempt}: alone is ${effect.alone}`)
      }
    },
  }),
}

/** A kill is what a child process died of; that a host died is none. */
function checkLoss(
  { event }: Transition,
  { record }: Transition,
  input: Input,
  say: (what: string) => void,
): void {
  const isKilled = input.kind === 'result' && input.result.status === 'killed'
  const isOwn = isKilled && input.effect === record.effect
  const isKill = event.type === 'attempt.lost' && event.alone
  if (isKill && !isOwn) say('a loss is called a kill, and no child process died')
  if (isOwn && !isKill) say(`its child process died, and that is called ${event.type}`)
}

function checkKills(
  { event, record, to }: Transition,
  last: Transition,
  { poisonMax }: Manifest,
  say: (what: string) => void,
): void {
  const isLoss = event.type === 'attempt.lost' && last.to === 'attempting'
  const isKill = isLoss && event.alone
  const kills = last.record.kills + (isKill ? 1 : 0)
  if (record.kills !== kills) say(`${record.kills} kills are counted, there were ${kills}`)
  if (record.alone !== (last.record.alone || isLoss)) say(`alone is ${record.alone}`)
  const mustEnd = isKill && kills >= poisonMax
  if (isPoison(record) !== mustEnd) say(`${to} after ${kills} kills of ${poisonMax}`)
}

const isPoison = ({ outcome }: DispatchRecord): boolean =>
  outcome?.status === 'dlq' && outcome.reason === 'poison'
