import type { ReaderLimits } from './session.ts'
import type { WireLimits } from './wire.ts'

export interface JetStreamLimits extends WireLimits, ReaderLimits {}

export const jetStreamLimits: JetStreamLimits = {
  ackMs: 2_000,
  requestMs: 2_000,
  patienceMs: 15_000,
  pullMs: 5_000,
  heartbeatMs: 1_000,
  consumerKeptMs: 60_000,
}
