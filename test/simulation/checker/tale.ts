import { isFinal, type Entry } from '@waybill/core'
import type { Invariant } from '@waybill/history'

/** What the journals say in the end, for what is compared with them. */
export interface Tale {
  /** By `<app>/<slot>`: the sequence of the last bundle. */
  readonly tails: ReadonlyMap<string, number>
  /** State and attempt of every dispatch, by its last transition or its quarantine. */
  readonly rows: ReadonlyMap<string, string>
}

/** Finds nothing, and remembers. */
export function createTale(): Tale & { readonly invariant: Invariant } {
  const tails = new Map<string, number>()
  const rows = new Map<string, string>()
  const invariant: Invariant = {
    name: 'tale',
    law: 'I9',
    holds: 'nothing: it only listens',
    of: 'history',
    watch: () => ({
      entry: ({ entry }) => note(rows, entry),
      bundle: ({ header: { app, slot }, seq }) => void tails.set(`${app}/${slot}`, seq),
    }),
  }
  return { tails, rows, invariant }
}

function note(rows: Map<string, string>, { facts }: Entry): void {
  for (const fact of facts) {
    if (fact.kind === 'transition') {
      rows.set(fact.dispatch, `${fact.record.state} ${fact.record.attempt}`)
    }
    if (fact.kind !== 'dispatch.quarantined') continue
    const [state, attempt] = (rows.get(fact.dispatch) ?? ' ').split(' ')
    if (!isFinal(state as 'dlq')) rows.set(fact.dispatch, `dlq ${attempt}`) // a state by name
  }
}
