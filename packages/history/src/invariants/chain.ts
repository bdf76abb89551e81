import { dispatchIdOf, type Hash, type PartitionId, type Transition } from '@waybill/core'
import type { Complain } from '../finding.ts'
import type { Invariant } from '../invariant.ts'
import type { KnownDispatch } from '../dispatches.ts'

/** Says of one dispatch what is wrong with it. */
type Say = (rule: string, what: string) => void

export const chain: Invariant = {
  name: 'chain',
  law: 'I11',
  holds: 'a dispatch begins once, under its own id, and each transition names the one before',
  of: 'partition',
  watch: ({ id, hash, fromStart }) => ({
    transition({ fact, before }, complain) {
      const say = about(complain, fact.dispatch)
      if (fact.index === 0) {
        if (before) say('dispatch.begins-once', 'it begins a second time')
        checkBegin(fact, id, hash, say)
      } else if (before) checkLink(before, fact, say)
      else if (fromStart) {
        say('dispatch.begins', `transition ${fact.index} of a dispatch that never began`)
      }
    },
  }),
}

const about =
  (complain: Complain, dispatch: string): Say =>
  (rule, what) =>
    complain(rule, what, { dispatch })

function checkBegin(
  fact: Transition,
  { app, generation, slot }: PartitionId,
  hash: Hash,
  say: Say,
): void {
  if (fact.from !== null || fact.prev !== undefined) {
    say('dispatch.chain', 'its first transition names one before it')
  }
  if (!fact.dispatch.startsWith(`${generation}-${slot}-`)) {
    say('dispatch.place', 'it lives in another slot')
  }
  if (!fact.origin) {
    return say('dispatch.origin', 'its first transition does not say where it comes from')
  }
  const { binding: key, event, ref, rerunOf } = fact.origin
  if (rerunOf !== undefined) return
  const binding = key.slice(0, key.lastIndexOf('@'))
  const place = `${ref.seq}/${ref.index}`
  const expected = dispatchIdOf({ hash, app, binding, event, place, rerun: 0 })
  if (expected !== fact.dispatch) say('dispatch.id', `${binding} for ${event} makes ${expected}`)
}

function checkLink({ last, head }: KnownDispatch, fact: Transition, say: Say): void {
  const { index, prev, from, origin } = fact
  if (index !== last.index + 1) say('dispatch.chain', `transition ${index} after ${last.index}`)
  if (prev !== head) say('dispatch.chain', `transition ${index} does not name the entry before it`)
  if (from !== last.to) say('dispatch.chain', `it leaves ${from}, but was in ${last.to}`)
  if (origin) say('dispatch.origin', 'its origin stands in a later transition')
}
