import type { EffectResult } from '@waybill/core'
import type { AbortReason, Attempt } from '../attempt.ts'
import type { Clock } from '../clock.ts'
import { Child, type Ending } from './child-process.ts'
import type { Task } from './handler.ts'
import type { Spawn } from './spawn.ts'

export interface IsolatedPorts {
  readonly spawn: Spawn
  readonly clock: Clock
  readonly abortGraceMs: number
  /** Child processes at once; after a crash every attempt that was running wants one. */
  readonly isolatedMax: number
}

/** A child that has nothing to do is kept this long for the next attempt. */
const idleMs = 60_000

/**
 * Runs attempts in child processes, one at a time in each, so that whatever they do to it they do
 * to it alone. A child is kept for the next one; it ends when an attempt kills it or will not stop.
 */
export class Isolated {
  readonly #ports: IsolatedPorts
  readonly #children = new Set<Child>()
  /** In the order in which they came. */
  readonly #waiting = new Set<Task>()
  #impatient: { readonly at: number; readonly cancel: () => void } | undefined

  constructor(ports: IsolatedPorts) {
    this.#ports = ports
  }

  start(task: Task): void {
    this.#waiting.add(task)
    this.#next()
  }

  /** The attempt is over; its process is ended if it does not stop in time. */
  abort(attempt: Attempt, reason: AbortReason): void {
    for (const task of this.#waiting) if (task.attempt === attempt) this.#waiting.delete(task)
    for (const child of this.#children) if (child.runs(attempt)) child.abort(reason)
  }

  async close(): Promise<void> {
    this.#waiting.clear()
    this.#impatient?.cancel()
    await Promise.all([...this.#children].map((child) => child.close()))
  }

  #next(): void {
    for (const task of this.#waiting) {
      const child = this.#idleChild()
      if (!child) return this.#watchWaiting()
      this.#waiting.delete(task)
      child.run(task)
    }
  }

  #idleChild(): Child | undefined {
    for (const child of this.#children) if (child.idle) return child
    const { spawn, clock, abortGraceMs, isolatedMax } = this.#ports
    if (this.#children.size >= isolatedMax) return undefined
    const child: Child = new Child({
      spawn,
      clock,
      abortGraceMs,
      idleMs,
      ended: (task, ending) => {
        task.settle(task.attempt, this.#resultOf(task, ending))
        this.#next()
      },
      gone: () => {
        this.#children.delete(child)
        this.#next()
      },
    })
    this.#children.add(child)
    return child
  }

  #resultOf({ attempt }: Task, ending: Ending): EffectResult {
    if (ending.status === 'killed') return ending
    const ms = Math.max(0, this.#ports.clock.now() - attempt.facts.startedAt)
    return { ...ending, sent: [...attempt.sent], ms }
  }

  /**
   * An attempt that never ran must not be spent by its deadline. Half of its time is for waiting;
   * then it is parked, and asks again.
   */
  #watchWaiting(): void {
    const [first] = this.#waiting
    if (!first) return
    const at = patienceOf(first)
    if (this.#impatient && this.#impatient.at <= at) return
    this.#impatient?.cancel()
    const cancel = this.#ports.clock.wake(at, () => {
      this.#impatient = undefined
      this.#parkLate()
      this.#watchWaiting()
    })
    this.#impatient = { at, cancel }
  }

  #parkLate(): void {
    const now = this.#ports.clock.now()
    for (const task of this.#waiting) {
      if (patienceOf(task) > now) continue
      this.#waiting.delete(task)
      task.settle(task.attempt, { status: 'parked' })
    }
  }
}

function patienceOf({ attempt }: Task): number {
  const { startedAt, deadline } = attempt.facts
  return startedAt + Math.floor((deadline - startedAt) / 2)
}
