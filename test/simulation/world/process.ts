import type { Clock } from '@waybill/engine'
import type { Owner, Schedule } from './schedule.ts'

/**
 * A process of the simulation: what happens to it stops when it dies and waits while it is frozen.
 * Its clock may be wrong, its timers are not: they go by time that passes, as Node's do.
 */
export class Process implements Owner {
  readonly name: string
  readonly clock: Clock
  readonly #schedule: Schedule
  readonly #parent: Process | undefined
  #alive = true
  #held: (() => void)[] | undefined
  /** How far the clock is off, ms. */
  skewMs: number

  constructor(schedule: Schedule, name: string, skewMs = 0, parent?: Process) {
    this.name = name
    this.skewMs = skewMs
    this.#schedule = schedule
    this.#parent = parent
    const now = (): number => Math.floor(schedule.now + this.skewMs)
    this.clock = {
      now,
      wake: (atMs, fn) => {
        // The clock may have been set back meanwhile.
        const due = (): void => {
          if (now() < atMs) cancel = arm()
          else fn()
        }
        const arm = (): (() => void) => this.after(Math.max(0, atMs - now()), due)
        let cancel = arm()
        return () => cancel()
      },
      elapsed: () => schedule.now,
      after: (ms, fn) => this.after(ms, fn),
      soon: (fn) => void this.after(0, fn),
    }
  }

  get alive(): boolean {
    return this.#alive && this.#parent?.alive !== false
  }
  get held(): (() => void)[] | undefined {
    return this.#held
  }

  /** By time that passes, whatever the clock says. */
  after(ms: number, fn: () => void): () => void {
    return this.#schedule.after(ms, fn, this)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  /** Gone, with all that it knew. What it sent is still on its way. */
  die(): void {
    this.#alive = false
    this.#held = undefined
  }

  freeze(): void {
    if (this.#alive) this.#held ??= []
  }

  thaw(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const fn of held) this.after(0, fn)
  }
}
