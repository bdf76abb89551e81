import { decode, encode, normaliseThrown, type EffectResult, type EventDraft } from '@waybill/core'
import type { AbortReason, Attempt } from '../attempt.ts'
import type { Clock } from '../clock.ts'
import type { Task } from './handler.ts'
import type { Spawn, Spawned } from './spawn.ts'
import type { FromChild, ToChild } from './wire.ts'

export interface ChildPorts {
  readonly spawn: Spawn
  readonly clock: Clock
  readonly abortGraceMs: number
  /** Without anything to run it ends after this. */
  readonly idleMs: number
  ended(task: Task, ending: Ending): void
  /** The process is no more, or no good: it takes nothing again. */
  gone(): void
}

export type Ending =
  | Omit<Extract<EffectResult, { status: 'succeeded' }>, 'sent' | 'ms'>
  | Omit<Extract<EffectResult, { status: 'failed' }>, 'sent' | 'ms'>
  | Extract<EffectResult, { status: 'killed' }>

interface Running {
  readonly task: Task
  readonly id: number
  /** Calls off the end of the process, once one was announced. */
  kill: (() => void) | undefined
}

/** One process, and the one attempt that it runs. */
export class Child {
  readonly #ports: ChildPorts
  readonly #process: Spawned
  #current: Running | undefined
  #ids = 0
  #isGone = false
  #retire: (() => void) | undefined

  constructor(ports: ChildPorts) {
    this.#ports = ports
    this.#process = ports.spawn({
      message: (message) => this.#hear(message),
      gone: (how) => this.#leave(how),
    })
  }

  get idle(): boolean {
    return !this.#current && !this.#isGone
  }

  runs(attempt: Attempt): boolean {
    return this.#current?.task.attempt === attempt
  }

  run(task: Task): void {
    this.#retire?.()
    this.#retire = undefined
    this.#current = { task, id: ++this.#ids, kill: undefined }
    this.#process.send(runOf(this.#current))
  }

  abort(reason: AbortReason): void {
    const current = this.#current
    if (!current || current.kill) return
    const { clock, abortGraceMs } = this.#ports
    this.#process.send({ kind: 'abort', id: current.id, reason })
    current.kill = clock.wake(clock.now() + abortGraceMs, () => this.#process.kill())
  }

  async close(): Promise<void> {
    this.#isGone = true
    this.#retire?.()
    this.#current?.kill?.()
    this.#current = undefined
    this.#process.kill()
    await this.#process.exited
  }

  #hear(message: FromChild): void {
    if (this.#isGone || message.kind === 'ready') return
    if (message.kind === 'broken') {
      this.#isGone = true
      this.#finish({ status: 'failed', error: message.error })
      return this.#ports.gone()
    }
    if (!this.#current || message.id !== this.#current.id) return
    if (message.kind === 'send') return void this.#send(this.#current, message)
    if (message.kind === 'failed') return this.#finish({ status: 'failed', error: message.error })
    this.#finish({ status: 'succeeded', output: message.output && decode(message.output) })
  }

  #finish(ending: Ending): void {
    if (!this.#current) return
    const { task, kill } = this.#current
    const { clock, idleMs, ended } = this.#ports
    this.#current = undefined
    kill?.()
    this.#retire = clock.wake(clock.now() + idleMs, () => void this.close().then(this.#ports.gone))
    ended(task, ending)
  }

  #leave(how: string): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#finish({ status: 'killed', reason: how })
    this.#retire?.()
    this.#ports.gone()
  }

  async #send(
    { task, id }: Running,
    { ordinal, draft }: Extract<FromChild, { kind: 'send' }>,
  ): Promise<void> {
    try {
      // Checked like any other draft, where it is accepted.
      const event = await task.attempt.send(decode(draft) as unknown as EventDraft)
      this.#process.send({ kind: 'sent', id, ordinal, event })
    } catch (cause) {
      this.#process.send({ kind: 'sent', id, ordinal, error: normaliseThrown(cause).message })
    }
  }
}

function runOf({ task, id }: Running): ToChild {
  const { attempt, binding } = task
  const { dispatch, idempotencyKey, event, batch, standsFor, fencingToken, deadline } = attempt
  return {
    kind: 'run',
    id,
    binding: encode(binding),
    event: encode(event),
    batch: batch?.map((one) => encode(one)),
    dispatch,
    idempotencyKey,
    attempt: attempt.attempt,
    standsFor,
    fencingToken,
    deadline,
  }
}
