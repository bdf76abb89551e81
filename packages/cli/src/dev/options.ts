import type { SyncMode } from '@waybill/nats'

export interface DevOptions {
  /** Module that exports the app. */
  readonly app: string
  readonly data: string
  readonly port: number
  /** Undefined: 8081, or any free one when that is taken. */
  readonly dashboardPort?: number | undefined
  readonly natsPort?: number | undefined
  readonly sync: SyncMode
  readonly prefix: string
}
