import type { Chance } from './chance.ts'

/** Where something unknown comes in. */
export interface Door {
  /** One try: makes an input, and answers what will hand it in. Only that is timed. */
  prepare(chance: Chance): () => Verdict | Promise<Verdict>
  /** Is it this door's own way to say no? Whatever else it throws is a defect. */
  isTyped(thrown: unknown): boolean
}

export type Verdict = 'accepted' | 'refused'

export const verdictOf = (accepted: boolean): Verdict => (accepted ? 'accepted' : 'refused')
export const never = (): boolean => false

/** A law that did not hold, whatever the door said. */
class Broken extends Error {
  override readonly name = 'Broken'
}

export function must(holds: boolean, law: string): void {
  if (!holds) throw new Broken(law)
}
