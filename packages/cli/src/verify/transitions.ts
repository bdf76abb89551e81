import {
  dispatchIdOf,
  isFinal,
  type Entry,
  type Hash,
  type PartitionId,
  type Transition,
} from '@waybill/core'

/** Says of one dispatch what is wrong with it. */
export type Say = (rule: string, what: string) => void

export function checkBegin(
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

/** @param head sha-256 of the entry with the transition before */
export function checkLink(last: Transition, head: string, fact: Transition, say: Say): void {
  const { index, prev, from, origin } = fact
  if (index !== last.index + 1) say('dispatch.chain', `transition ${index} after ${last.index}`)
  if (prev !== head) say('dispatch.chain', `transition ${index} does not name the entry before it`)
  if (from !== last.to) say('dispatch.chain', `it leaves ${from}, but was in ${last.to}`)
  if (origin) say('dispatch.origin', 'its origin stands in a later transition')
}

export function checkRecord({ record, index, to }: Transition, entry: Entry, say: Say): void {
  if (record.index !== index + 1) {
    say('dispatch.record', `record ${record.index} after transition ${index}`)
  }
  if (record.state !== to) {
    say('dispatch.record', `the record is in ${record.state}, the transition leads to ${to}`)
  }
  if (record.at !== entry.at) {
    say('dispatch.record', `the record is of ${record.at}, the entry of ${entry.at}`)
  }
  const expected = isFinal(to) ? to : undefined
  if (record.outcome?.status !== expected) {
    say('dispatch.outcome', `it ends as ${record.outcome?.status ?? 'nothing'} in ${to}`)
  }
}
