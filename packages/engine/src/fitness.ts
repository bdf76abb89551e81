import type { Clock, SteadyClock } from './clock.ts'
import type { EngineLogger } from './ports.ts'

export interface FitnessPorts {
  readonly wall: Clock
  /** Set by the wall clock whenever that is found right. */
  readonly clock: SteadyClock
  /** Without it the wall clock is believed. */
  readonly serverNow: (() => Promise<number>) | undefined
  readonly skewMsMax: number
  readonly logger: EngineLogger
}

/**
 * Is this host's clock near enough to the server's to lead? Its times go into the journal. While
 * the server does not tell, it is as it was found last.
 */
export function createFitness(ports: FitnessPorts): () => Promise<boolean> {
  const { wall, clock, skewMsMax, logger } = ports
  const { serverNow = () => Promise.resolve(wall.now()) } = ports
  let isFit = false
  return async () => {
    try {
      const asked = wall.elapsed()
      const server = await serverNow()
      // By time that passed: the wall clock may be set while the answer is under way.
      const tookMs = wall.elapsed() - asked
      // An answer that took longer than a clock may be off tells nothing about the clock.
      if (tookMs > skewMsMax) return isFit
      const now = wall.now()
      const skewMs = Math.max(now - tookMs - server, server - now, 0)
      isFit = skewMs <= skewMsMax
      if (isFit) clock.follow()
      else logger.error({ skewMs }, 'the clock is too far from the server to lead')
    } catch (cause) {
      logger.warn({ err: cause }, 'the server does not tell its time')
    }
    return isFit
  }
}
