import type { Law } from '@waybill/history'

export interface Violation {
  readonly invariant: Law
  readonly what: string
}

export type Violate = (invariant: Law, what: string) => void
