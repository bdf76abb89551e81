import type { EffectResult, Manifest } from '@waybill/core'
import type { AbortReason, Attempt } from '../attempt.ts'

/** One attempt to be carried out. */
export interface Task {
  readonly attempt: Attempt
  readonly binding: Manifest
  /** In a process of its own: it, or one like it, took its host down before. */
  readonly alone: boolean
  /** Called once, when the handler is through; later than the abort, if it does not listen. */
  readonly settle: (attempt: Attempt, result: EffectResult) => void
}

/** A way to run handlers. To add one: a kind in core's `handlerSpec`, a file here, a line below. */
export interface Handler {
  start(task: Task): void
  /** The attempt is over, whatever it does from now on. */
  abort(attempt: Attempt, reason: AbortReason): void
  close(): Promise<void>
}
