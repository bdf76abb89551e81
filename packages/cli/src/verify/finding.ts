/** Something in a journal that must not be there, and where. */
export interface Finding {
  /** Short and stable, as in `dispatch.one-end`. */
  readonly rule: string
  readonly app: string
  readonly slot: number
  /** Number of the bundle; its sequence in the stream; place of the entry in it. */
  readonly bundle: number
  readonly seq: number
  readonly entry?: number
  readonly dispatch?: string
  readonly what: string
}

/** What a rule says; where it is said is known to whoever asks the rule. */
export interface Complaint {
  readonly rule: string
  readonly what: string
  readonly dispatch?: string
}

export type Complain = (rule: string, what: string, dispatch?: string) => void
