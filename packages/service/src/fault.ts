/**
 * What every error of Waybill says. The same shape as the core's, which this package may not see:
 * it stands alone.
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: string
  readonly what: string
  readonly where: string | undefined
  readonly why: string | undefined
  readonly next: string | undefined
  /** What the process ends with: 78 wrong settings, 69 something it needs is not there. */
  readonly exitCode: number

  constructor(it: ServiceFault, options?: ErrorOptions) {
    super(`${it.code} ${it.what}`, options)
    this.code = it.code
    this.what = it.what
    this.where = it.where
    this.why = it.why
    this.next = it.next
    this.exitCode = it.exitCode ?? exitCodes.software
  }
}

export interface ServiceFault {
  /** As in WB1101; documented, stable, never reused. */
  readonly code: string
  readonly what: string
  readonly where?: string
  readonly why?: string
  readonly next?: string
  readonly exitCode?: number
}

/** From sysexits.h, so that supervisors can tell "fix it" from "try again". */
export const exitCodes = { unavailable: 69, software: 70, drainTooLong: 75, config: 78 } as const

/** For people, on stderr. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return `something odd was thrown: ${typeof error}`
  const { what, where, why, next } = error as Partial<ServiceError> // read, not trusted
  if (what === undefined) return error.stack ?? `${error.name}: ${error.message}`
  const parts = Object.entries({ where, why, next }).filter(([, text]) => text !== undefined)
  return [error.message, ...parts.map(([name, text]) => `  ${`${name}:`.padEnd(6)} ${text}`)].join(
    '\n',
  )
}
