/** What the engine says, as pino wants it: a constant message, the data as fields. */
export interface EngineLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const silence = (): void => undefined
export const silentLogger: EngineLogger = {
  debug: silence,
  info: silence,
  warn: silence,
  error: silence,
}

/** Totals since the process began. */
export interface Counters {
  bundles: number
  bundleBytes: number
  entries: number
  /** Sum over all bundles of the time from append to acknowledgement. */
  appendMs: number
  delayed: number
  conflicts: number
  fences: number
  /** The server had restarted without something that a partition here builds upon. */
  forgotten: number
  ticks: number
  /** Attempts and judgements asked for. */
  asked: number
  late: number
  quarantined: number
  checkpoints: number
}

export const noCounters = (): Counters => ({
  bundles: 0,
  bundleBytes: 0,
  entries: 0,
  appendMs: 0,
  delayed: 0,
  conflicts: 0,
  fences: 0,
  forgotten: 0,
  ticks: 0,
  asked: 0,
  late: 0,
  quarantined: 0,
  checkpoints: 0,
})
