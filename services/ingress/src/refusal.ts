/** Why something is not taken. Each is one HTTP status. */
export type RefusalKind =
  | 'unauthorized'
  | 'malformed'
  | 'too_large'
  | 'unsupported'
  | 'unprocessable'
  | 'unavailable'

export interface Refusal {
  readonly refused: RefusalKind
  /** For the sender. An `unauthorized` one is told nothing: it goes to our log only. */
  readonly reason: string
  /** When trying again makes sense. */
  readonly retryAfterMs?: number
}

export const statusOf = {
  malformed: 400,
  unauthorized: 401,
  too_large: 413,
  unsupported: 415,
  unprocessable: 422,
  unavailable: 503,
} as const satisfies Record<RefusalKind, number>

export const refuse = (refused: RefusalKind, reason: string): Refusal => ({
  refused,
  reason: reason.slice(0, 1024),
})

export const isRefusal = (it: object): it is Refusal => 'refused' in it
