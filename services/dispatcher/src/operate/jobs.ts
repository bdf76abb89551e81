import { randomUUID } from 'node:crypto'
import { ApiError, type Operation } from '@waybill/api'
import { createKeeper, type Keeper, systemClock } from '@waybill/engine'
import { type LeaseStore, LogUnavailable, type SnapshotStore } from '@waybill/log'
import { meanwhile, pause, unlessAborted } from './pace.ts'
import { audit, type HandlerParts } from './parts.ts'
import { tell, type Told } from './tell.ts'
import {
  decodeWork,
  encodeWork,
  type Part,
  partsAt,
  progress,
  type Progress,
  type Work,
} from './work.ts'

export interface JobParts extends HandlerParts {
  readonly leases: LeaseStore
  readonly snapshots: SnapshotStore
  /** Who is silent for so long has ended, or cannot reach the server. */
  readonly silentMs: number
  readonly beatMs: number
}

interface Running {
  readonly work: Work
  readonly keeper: Keeper<Progress>
  /** Of this process, since it had the work. */
  readonly told: Told[]
  readonly stop: AbortController
  ended?: Promise<void>
  progress: Progress
  /** By whom and why. */
  cancelled?: string
}

/** Ended ones that are kept at hand; all of them stand in OPS. */
const keptMax = 200

/**
 * Work in bulk that outlives the request which asked for it, and the process which began it. The
 * list of what it acts on is stored first; how far it has come is kept by compare-and-set, and
 * whoever is silent is replaced: by itself after a restart, else by another dispatcher of the app.
 * What it is and how it ends stands in OPS.
 */
export class Jobs {
  readonly #parts: JobParts
  readonly #signal: AbortSignal
  readonly #running = new Map<string, Running>()
  readonly #ended = new Map<string, Operation>()
  /** Of work that others keep: to hear whether they are silent. */
  readonly #heard = new Map<string, Keeper<Progress>>()
  readonly #incarnation = randomUUID()

  constructor(parts: JobParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
  }

  /** Resolves once it stands in OPS; the work goes on. `told` grows while it does. */
  async begin(asked: Omit<Work, 'id' | 'at'>): Promise<{
    readonly op: string
    readonly told: readonly Told[]
    readonly ended: Promise<void>
  }> {
    const work: Work = { ...asked, id: randomUUID(), at: Date.now() }
    const running = this.#known(work, this.#keeperOf(work.id), { next: 0, done: 0, declined: 0 })
    try {
      await running.keeper.take(running.progress)
      await this.#parts.snapshots.put(storedAs(work.id), encodeWork(work))
      await audit(this.#parts, { ...operationOf(running, 'running'), kind: work.kind })
    } catch (cause) {
      this.#running.delete(work.id)
      throw cause
    }
    return { op: work.id, told: running.told, ended: this.#run(running) }
  }

  #known(work: Work, keeper: Keeper<Progress>, at: Progress): Running {
    const running = { work, keeper, told: [], stop: new AbortController(), progress: at }
    this.#running.set(work.id, running)
    return running
  }

  /** Newest first. */
  list(id?: string): readonly Operation[] {
    const running = [...this.#running.values()].map((one) => operationOf(one, 'running'))
    const all = [...running, ...this.#ended.values()].sort((a, b) => b.at - a.at)
    return id === undefined ? all : all.filter((one) => one.id === id)
  }

  /** False: it does not run here. */
  cancel(id: string, by: string, reason: string): boolean {
    const running = this.#running.get(id)
    if (!running) return false
    running.cancelled = `by ${by}: ${reason}`.slice(0, 512)
    running.stop.abort()
    return true
  }

  /** Goes on, until the signal, with what others began and do not do any more. */
  async adopt(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Whatever keeps it from looking now, it looks again.
      await this.#adoptSilent().catch(() => undefined)
      await pause(this.#parts.beatMs, signal)
    }
    for (const { ended } of this.#running.values()) await ended
  }

  async #adoptSilent(): Promise<void> {
    const prefix = this.#keys()
    const left = await this.#parts.leases.list(prefix)
    const ids = left.map(({ key }) => key.slice(prefix.length + 1))
    for (const id of this.#heard.keys()) if (!ids.includes(id)) this.#heard.delete(id)
    for (const id of ids.filter((one) => !this.#running.has(one))) {
      const keeper = this.#heard.get(id) ?? this.#keeperOf(id)
      this.#heard.set(id, keeper)
      const at = await keeper.take()
      if (!at || this.#signal.aborted) continue
      this.#heard.delete(id)
      const bytes = await this.#parts.snapshots.get(storedAs(id))
      // It ended before anybody was told that it began, or after all of it was done.
      if (!bytes) await keeper.remove()
      else void this.#run(this.#known(decodeWork(bytes), keeper, at))
    }
  }

  #run(running: Running): Promise<void> {
    running.ended = this.#live(running).finally(() => this.#running.delete(running.work.id))
    return running.ended
  }

  async #live(running: Running): Promise<void> {
    let end: { state: 'done' | 'cancelled' | 'failed' | 'left'; note?: string | undefined }
    try {
      end = { state: await this.#work(running), note: running.cancelled }
    } catch (cause) {
      end = this.#signal.aborted ? { state: 'left' } : failed(cause)
    }
    const { state, note } = end
    if (state === 'left') await running.keeper.release().catch(() => undefined)
    else await this.#end({ ...operationOf(running, state), endedAt: Date.now(), note }, running)
  }

  /** `left`: somebody else goes on with it, or this process does when it looks again. */
  async #work(running: Running): Promise<'done' | 'cancelled' | 'left'> {
    const { work, keeper, stop } = running
    const { beatMs } = this.#parts
    const beat = () => keeper.keep(running.progress)
    const from = { at: performance.now(), next: running.progress.next }
    const halt = AbortSignal.any([this.#signal, stop.signal])
    for (;;) {
      if (this.#signal.aborted) return 'left'
      if (stop.signal.aborted) return 'cancelled'
      const parts = partsAt(work, running.progress.next)
      if (parts.length === 0) return 'done'
      const telling = Promise.all(parts.map((part) => tell(this.#parts, work, part)))
      const told = await meanwhile(unlessAborted(telling, this.#signal), beatMs, beat)
      took(running, parts, told.flat())
      if (!(await beat())) return 'left'
      const early = earlyBy(work, running.progress.next - from.next, from.at)
      if (early > 0) await meanwhile(pause(early, halt), beatMs, beat)
    }
  }

  async #end(operation: Operation, { work, keeper }: Running): Promise<void> {
    this.#ended.set(work.id, operation)
    const [oldest] = this.#ended.keys()
    if (this.#ended.size > keptMax && oldest !== undefined) this.#ended.delete(oldest)
    // It happened, whether or not that can be written down now.
    await audit(this.#parts, { ...operation, kind: work.kind }).catch(() => undefined)
    await this.#parts.snapshots.remove(storedAs(work.id)).catch(() => undefined)
    await keeper.remove().catch(() => undefined)
  }

  #keys(): string {
    const { host, topology } = this.#parts
    return `op.${topology.generation}.${host.status().app}`
  }

  #keeperOf(id: string): Keeper<Progress> {
    const { leases, silentMs, host } = this.#parts
    const me = { instance: host.status().instance, incarnation: this.#incarnation }
    const key = `${this.#keys()}.${id}`
    return createKeeper({ leases, clock: systemClock, key, schema: progress, me, silentMs })
  }
}

const storedAs = (id: string): string => `op/${id}`

function took(running: Running, parts: readonly Part[], told: readonly Told[]): void {
  const { next, done, declined } = running.progress
  running.told.push(...told)
  running.progress = {
    next: next + parts.reduce((sum, { ids }) => sum + ids.length, 0),
    done: done + told.reduce((sum, one) => sum + one.done, 0),
    declined: declined + told.reduce((sum, one) => sum + one.declined.length, 0),
  }
}

/** What was not answered may be asked again, by the same letter. */
function failed(cause: unknown): { state: 'failed' | 'left'; note?: string } {
  const isAway = cause instanceof ApiError && cause.kind === 'unavailable'
  if (isAway || cause instanceof LogUnavailable) return { state: 'left' }
  return {
    state: 'failed',
    note: cause instanceof Error ? cause.message.slice(0, 512) : 'it threw',
  }
}

/** By the whole of what was done, so that a slow part is made up for. */
const earlyBy = ({ ratePerSecond = Infinity }: Work, done: number, since: number): number =>
  (done * 1000) / ratePerSecond - (performance.now() - since)

function operationOf({ work, progress: at }: Running, state: Operation['state']): Operation {
  const { id, kind, app, by, reason, filter, ids } = work
  const { done, declined } = at
  return {
    id,
    kind,
    app,
    by,
    reason,
    at: work.at,
    filter,
    state,
    total: ids.length,
    done,
    declined,
  }
}
