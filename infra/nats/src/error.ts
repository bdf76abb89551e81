export type NatsServerErrorCode =
  | 'nats.binary-missing'
  | 'nats.store-locked'
  | 'nats.port-taken'
  | 'nats.start-failed'
  | 'nats.start-timed-out'
  | 'nats.server-too-old'

/** What a person needs who has to act on it: what failed, where, why, and what to do next. */
export interface NatsServerFault {
  readonly code: NatsServerErrorCode
  readonly what: string
  readonly where: string
  readonly why: string
  readonly next: string
}

export class NatsServerError extends Error {
  override readonly name = 'NatsServerError'
  readonly code: NatsServerErrorCode
  readonly what: string
  readonly where: string
  readonly why: string
  readonly next: string

  constructor(fault: NatsServerFault, options?: ErrorOptions) {
    super(`${fault.what} (${fault.where}): ${fault.why}. ${fault.next}.`, options)
    this.code = fault.code
    this.what = fault.what
    this.where = fault.where
    this.why = fault.why
    this.next = fault.next
  }
}
