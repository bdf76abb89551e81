import { limits, type FactOf, type Transition } from '@waybill/core'
import type { Complain } from '../finding.ts'
import type { Invariant } from '../invariant.ts'

/** Of a dispatch that runs another one again: the first of its line, and how far it is from it. */
interface Line {
  readonly root: string
  readonly redrives: number
}

export const redrives: Invariant = {
  name: 'redrives',
  law: 'I19',
  holds:
    'a dead letter is run again at most once and not after it was discarded, as a dispatch of ' +
    'the same line, and a line is run again at most three times (rule 11)',
  of: 'partition',
  watch({ fromStart }) {
    if (!fromStart) return {}
    const dead = new Set<string>()
    const done = new Map<string, string>()
    const lines = new Map<string, Line>()
    return {
      fact(fact, { entry: { facts } }, complain) {
        if (fact.kind === 'dispatch.quarantined') dead.add(fact.dispatch)
        if (fact.kind === 'transition') noteTransition(fact, dead, lines)
        if (fact.kind !== 'dead.redriven' && fact.kind !== 'dead.discarded') return
        const { dispatch } = fact
        const say = (what: string): void => complain('dead.redriven', what, { dispatch })
        const before = done.get(dispatch)
        if (before !== undefined) say(`it is ${fact.kind} after it was ${before}`)
        if (!dead.has(dispatch)) say('it is no dead letter')
        done.set(dispatch, fact.kind)
        if (fact.kind === 'dead.redriven') checkLine(fact, lines, facts, complain)
      },
    }
  },
}

function noteTransition(
  { dispatch, to, origin }: Transition,
  dead: Set<string>,
  lines: Map<string, Line>,
): void {
  if (to === 'dlq') dead.add(dispatch)
  const { root, redrives: count } = origin ?? {}
  if (root !== undefined) lines.set(dispatch, { root, redrives: count ?? 0 })
}

function checkLine(
  { dispatch, as }: FactOf<'dead.redriven'>,
  lines: ReadonlyMap<string, Line>,
  facts: readonly { readonly kind: string; readonly dispatch?: unknown }[],
  complain: Complain,
): void {
  const say = (what: string): void => complain('dead.line', what, { dispatch })
  const before = lines.get(dispatch) ?? { root: dispatch, redrives: 0 }
  const after = lines.get(as)
  const begun = facts.filter((fact) => fact.kind === 'transition' && fact.dispatch === as)
  if (begun.length !== 1 || !after) return say(`${as} does not begin where it is run again`)
  if (after.root !== before.root) say(`${as} is of the line of ${after.root}, not ${before.root}`)
  if (after.redrives !== before.redrives + 1) {
    say(`${as} is redrive ${after.redrives} after ${before.redrives}`)
  }
  if (after.redrives > limits.redrivesMax) say(`${as} is redrive ${after.redrives} of its line`)
}
