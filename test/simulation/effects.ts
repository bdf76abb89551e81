import type { AttemptRun, Manifest } from '@waybill/core'
import type { Run } from '@waybill/history'

/** One run of a handler, as the world outside saw it. */
export interface Effect extends Run {
  readonly binding: string
  readonly event: string
  readonly beganAt: number
  readonly sent: string[]
  endedAt: number | undefined
  how: 'returned' | 'threw' | undefined
}

/** What handlers did, written down outside of the log: crashes take nothing of it away. */
export class EffectJournal {
  readonly effects: Effect[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  begin(run: AttemptRun<AbortSignal>, binding: Manifest, process: string): Effect {
    const effect: Effect = {
      dispatch: run.dispatch,
      attempt: run.attempt,
      token: run.fencingToken,
      key: run.idempotencyKey,
      binding: `${binding.id}@v${binding.version}`,
      event: run.event.id,
      process,
      beganAt: this.#now(),
      sent: [],
      endedAt: undefined,
      how: undefined,
    }
    this.effects.push(effect)
    return effect
  }

  end(effect: Effect, how: 'returned' | 'threw'): void {
    effect.endedAt = this.#now()
    effect.how = how
  }
}
