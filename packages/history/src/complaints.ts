import type { Fact } from '@waybill/core'
import type { Complain, Finding } from './finding.ts'
import type { Move, Recorded, Taken, Watcher } from './invariant.ts'
import type { Law } from './laws.ts'

/** Somebody who watches, and what it is a breach of when he complains. */
export interface Watching {
  readonly law: Law
  readonly watcher: Watcher
}

/** What was said, each with the place that was looked at. */
export class Complaints {
  at: { bundle: number; seq: number; entry?: number } = { bundle: 0, seq: 0 }
  readonly #of: { readonly app: string; readonly slot: number }
  #found: Finding[] = []

  constructor({ app, slot }: { readonly app: string; readonly slot: number }) {
    this.#of = { app, slot }
  }

  under(law: Law): Complain {
    return (rule, what, about = {}) => {
      this.#found.push({ rule, law, ...this.#of, ...this.at, what, ...about })
    }
  }

  /** Those since the last time. */
  taken(): readonly Finding[] {
    const found = this.#found
    if (found.length > 0) this.#found = []
    return found
  }
}

export interface Listeners {
  readonly entry: readonly ((taken: Taken) => void)[]
  readonly decided: readonly ((taken: Taken) => void)[]
  readonly fact: readonly ((fact: Fact, taken: Taken) => void)[]
  readonly transition: readonly ((move: Move) => void)[]
  readonly bundle: readonly ((bundle: Recorded) => void)[]
}

/** Who wants to be told what. */
export function listeners(all: readonly Watching[], complaints: Complaints): Listeners {
  const told = all.map(({ law, watcher }) => ({ ...watcher, complain: complaints.under(law) }))
  return {
    entry: told.flatMap(({ entry, complain }) =>
      entry ? [(taken: Taken) => entry(taken, complain)] : [],
    ),
    decided: told.flatMap(({ decided, complain }) =>
      decided ? [(taken: Taken) => decided(taken, complain)] : [],
    ),
    fact: told.flatMap(({ fact, complain }) =>
      fact ? [(one: Fact, taken: Taken) => fact(one, taken, complain)] : [],
    ),
    transition: told.flatMap(({ transition, complain }) =>
      transition ? [(move: Move) => transition(move, complain)] : [],
    ),
    bundle: told.flatMap(({ bundle, complain }) =>
      bundle ? [(one: Recorded) => bundle(one, complain)] : [],
    ),
  }
}
