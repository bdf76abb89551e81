import { randomUUID } from 'node:crypto'
import type { Operation } from '@waybill/api'
import { decode } from '@waybill/core'
import { streamNames, subjects } from '@waybill/log'
import { z } from 'zod'
import { audit, type HandlerParts } from './parts.ts'

export interface Work {
  readonly kind: string
  readonly app: string
  readonly by: string
  readonly reason: string
  readonly filter: Readonly<Record<string, unknown>>
  readonly total: number
  /** Does the next part; undefined: nothing is left. */
  next(): Promise<{ readonly done: number; readonly declined: number } | undefined>
  readonly ratePerSecond?: number | undefined
}

type Running = { -readonly [K in keyof Operation]: Operation[K] }

/** Ended ones that are kept at hand; all of them stand in OPS. */
const keptMax = 200

/**
 * Work in bulk that outlives the request which asked for it. What it is and how it ends stands in
 * OPS; between the two a restart of this process interrupts it, and asking again goes on where it
 * stopped, as what was done once is declined the second time.
 */
export class Jobs {
  readonly #parts: Pick<HandlerParts, 'log' | 'topology'>
  readonly #signal: AbortSignal
  readonly #known = new Map<string, Running>()
  readonly #cancelled = new Map<string, string>()

  constructor(parts: Pick<HandlerParts, 'log' | 'topology'>, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
  }

  /** Resolves once it stands in OPS; the work goes on. */
  async begin(work: Work): Promise<{ readonly op: string; readonly ended: Promise<void> }> {
    const { kind, app, by, reason, filter, total } = work
    const id = randomUUID()
    const head = { id, kind, app, by, reason, at: Date.now(), filter: { ...filter }, total }
    const running: Running = { ...head, state: 'running', done: 0, declined: 0 }
    await audit(this.#parts, { ...running, kind })
    this.#known.set(id, running)
    return { op: id, ended: this.#run(running, work) }
  }

  /** Newest first. */
  list(id?: string): readonly Operation[] {
    const all = [...this.#known.values()].reverse()
    return id === undefined ? all : all.filter((one) => one.id === id)
  }

  /** False: it does not run here. */
  cancel(id: string, by: string, reason: string): boolean {
    if (this.#known.get(id)?.state !== 'running') return false
    this.#cancelled.set(id, `by ${by}: ${reason}`)
    return true
  }

  async #run(running: Running, work: Work): Promise<void> {
    const began = performance.now()
    try {
      running.state = await this.#work(running, work, began)
    } catch (cause) {
      running.state = 'failed'
      running.note = cause instanceof Error ? cause.message.slice(0, 512) : 'it threw'
    }
    const who = this.#cancelled.get(running.id)
    if (running.state === 'cancelled' && who !== undefined) running.note = who.slice(0, 512)
    this.#cancelled.delete(running.id)
    running.endedAt = Date.now()
    this.#trim()
    // It happened, whether or not that can be written down now.
    await audit(this.#parts, { ...running, kind: running.kind }).catch(() => undefined)
  }

  async #work(running: Running, work: Work, began: number): Promise<Running['state']> {
    for (;;) {
      if (this.#signal.aborted) return 'interrupted'
      if (this.#cancelled.has(running.id)) return 'cancelled'
      const part = await work.next()
      if (!part) return 'done'
      running.done += part.done
      running.declined += part.declined
      await this.#pace(running.done + running.declined, work.ratePerSecond, began)
    }
  }

  /** By the whole of what was done, so that a slow part is made up for. */
  async #pace(done: number, ratePerSecond: number | undefined, began: number): Promise<void> {
    if (ratePerSecond === undefined) return
    const early = (done * 1000) / ratePerSecond - (performance.now() - began)
    if (early > 0) await pause(early, this.#signal)
  }

  #trim(): void {
    for (const [id, { state }] of this.#known) {
      if (this.#known.size <= keptMax) return
      if (state !== 'running') this.#known.delete(id)
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}

const record = z.looseObject({
  id: z.string(),
  kind: z.string(),
  app: z.string(),
  by: z.string(),
  reason: z.string(),
  at: z.int(),
  filter: z.record(z.string(), z.unknown()).default({}),
  state: z.enum(['running', 'done', 'cancelled', 'failed', 'interrupted']).default('done'),
  total: z.int().default(0),
  done: z.int().default(0),
  declined: z.int().default(0),
  endedAt: z.int().optional(),
  note: z.string().optional(),
})

/** What stands in OPS, newest first; of each operation its last word. */
export async function recorded(
  { log, topology }: Pick<HandlerParts, 'log' | 'topology'>,
  limit: number,
): Promise<readonly Operation[]> {
  const stream = streamNames(topology).ops
  const { firstSeq, lastSeq } = await log.info(stream)
  const found = new Map<string, Operation>()
  const fromSeq = Math.max(1, firstSeq, lastSeq - 20 * limit)
  const subject = `${topology.prefix}.op.*`
  if (lastSeq < fromSeq) return []
  const probe = subjects(topology).op('probe')
  for await (const stored of log.read({ stream, subjects: [subject], fromSeq })) {
    if (stored.subject === probe) continue
    const read = record.safeParse(decode(stored.bytes))
    if (!read.success) continue
    const { id, kind, app, by, reason, at, filter, state, total, done, declined } = read.data
    const { endedAt, note } = read.data
    const known = found.get(id)
    found.delete(id)
    found.set(id, {
      id,
      kind,
      app,
      by,
      reason,
      filter,
      state,
      total,
      done,
      declined,
      endedAt,
      note,
      at: known?.at ?? at,
    })
  }
  return [...found.values()].reverse().slice(0, limit)
}
