import type { Law } from './laws.ts'

/** Something in a history that must not be there, and where. */
export interface Finding {
  /** Short and stable, as in `dispatch.one-end`. */
  readonly rule: string
  /** Which of the laws it breaks. */
  readonly law: Law
  readonly app: string
  readonly slot: number
  /** Number of the bundle; its sequence in the stream; place of the entry in it. */
  readonly bundle: number
  readonly seq: number
  readonly entry?: number
  readonly dispatch?: string
  readonly what: string
}

/** Says what a rule found; where is known to whoever asked it, unless it says so itself. */
export type Complain = (rule: string, what: string, about?: About) => void

export interface About {
  readonly dispatch?: string
  readonly slot?: number
  readonly seq?: number
}
