import type { SyncMode } from '@waybill/nats'

export interface DevOptions {
  /** Module that exports the app. */
  readonly app: string
  readonly data: string
  readonly port: number
  readonly natsPort?: number | undefined
  readonly sync: SyncMode
  readonly prefix: string
}
