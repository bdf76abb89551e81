import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Violation } from './checker/violation.ts'
import { drawOptions } from './options.ts'
import { simulate, type Outcome } from './simulation.ts'

/** What many seeds come to. Sums only, so that parts of a campaign can be added up. */
export interface Tally {
  seeds: number
  failed: { readonly seed: number; readonly violations: readonly Violation[] }[]
  ends: Record<string, number>
  acknowledged: number
  virtualMs: number
  steps: number
  faults: Record<string, number>
}

const emptyTally = (): Tally => ({
  seeds: 0,
  failed: [],
  ends: {},
  acknowledged: 0,
  virtualMs: 0,
  steps: 0,
  faults: {},
})

function count(tally: Tally, outcome: Outcome): void {
  const { options, violations, ends, acknowledged, virtualMs, steps, faults } = outcome
  tally.seeds += 1
  if (violations.length > 0) tally.failed.push({ seed: options.seed, violations })
  tally.acknowledged += acknowledged
  tally.virtualMs += virtualMs
  tally.steps += steps
  addTo(tally.ends, ends)
  addTo(tally.faults, faults)
}

/** Of all dispatches that started. I16: where nothing succeeds, nothing can go wrong either. */
export function succeededShare({ ends }: Pick<Tally, 'ends'>): number {
  const started = Object.values(ends).reduce((sum, one) => sum + one, 0)
  return started === 0 ? 0 : (ends['succeeded'] ?? 0) / started
}

/** Every `step`th seed from the first one on. */
export interface Share {
  readonly from: number
  readonly to: number
  readonly step: number
}

export async function runShare({ from, to, step }: Share): Promise<Tally> {
  const tally = emptyTally()
  for (let seed = from; seed < to; seed += step) count(tally, await simulate(drawOptions(seed)))
  return tally
}

/**
 * A run that is over leaves about 0.2 MB behind: readers that nobody aborts any more. A worker that
 * has done so many makes room for a new one.
 */
const seedsPerWorker = 1000

/** Over all processors: a run uses one. */
export async function campaign(from: number, seeds: number, jobs?: number): Promise<Tally> {
  const workers = Math.max(1, Math.min(jobs ?? availableParallelism(), Math.ceil(seeds / 20)))
  const size = Math.min(seedsPerWorker, Math.ceil(seeds / workers))
  const total = emptyTally()
  const shares: Share[] = []
  for (let at = from; at < from + seeds; at += size) {
    shares.push({ from: at, to: Math.min(at + size, from + seeds), step: 1 })
  }
  const one = async (): Promise<void> => {
    for (let share = shares.shift(); share; share = shares.shift())
      add(total, await inWorker(share))
  }
  await Promise.all(Array.from({ length: workers }, one))
  total.failed.sort((a, b) => a.seed - b.seed)
  return total
}

function add(total: Tally, tally: Tally): void {
  total.seeds += tally.seeds
  total.failed.push(...tally.failed)
  total.acknowledged += tally.acknowledged
  total.virtualMs += tally.virtualMs
  total.steps += tally.steps
  addTo(total.ends, tally.ends)
  addTo(total.faults, tally.faults)
}

function inWorker(share: Share): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), {
      workerData: share,
      // Whoever started this process may resolve packages otherwise.
      execArgv: ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning'],
      // What a run makes dies young: with more room for it less is cleared up.
      resourceLimits: { maxYoungGenerationSizeMb: 128 },
    })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function addTo(sums: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, n] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + n
}
