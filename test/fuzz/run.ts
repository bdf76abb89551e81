import { createChance } from './chance.ts'
import type { Door, Verdict } from './door.ts'

export interface FuzzOptions {
  readonly inputs: number
  readonly seed: number
}

export interface FuzzFailure {
  readonly door: string
  /** `seed` of a run of one input that meets it again. */
  readonly seed: number
  readonly error: unknown
}

interface DoorReport {
  inputs: number
  accepted: number
  refused: number
  slowestMs: number
}

export interface FuzzReport {
  readonly inputs: number
  readonly accepted: number
  readonly refused: number
  readonly slowestMs: number
  readonly byDoor: Readonly<Record<string, Readonly<DoorReport>>>
  /** At most `failuresMax`. */
  readonly failures: readonly FuzzFailure[]
}

const failuresMax = 20

/** Door after door in turn, each input from a seed of its own: `seed + n` for the nth. */
export async function fuzz(
  doors: Readonly<Record<string, Door>>,
  { inputs, seed }: FuzzOptions,
): Promise<FuzzReport> {
  const names = Object.keys(doors)
  const byDoor: Record<string, DoorReport> = {}
  const failures: FuzzFailure[] = []
  const clean = prototypeKeys()
  for (let n = 0; n < inputs; n++) {
    const own = seed + n
    const name = names[own % names.length]
    const door = name === undefined ? undefined : doors[name]
    if (name === undefined || !door) throw new RangeError('no doors')
    const report = (byDoor[name] ??= { inputs: 0, accepted: 0, refused: 0, slowestMs: 0 })
    report.inputs += 1
    try {
      report[await timed(door, own, report)] += 1
      if (prototypeKeys() !== clean) throw new Error('Object.prototype was polluted')
    } catch (error) {
      failures.push({ door: name, seed: own, error })
      if (failures.length >= failuresMax) break
    }
  }
  const all = Object.values(byDoor)
  const sum = (count: (report: DoorReport) => number): number =>
    all.reduce((total, report) => total + count(report), 0)
  return {
    inputs: sum((report) => report.inputs),
    accepted: sum(({ accepted }) => accepted),
    refused: sum(({ refused }) => refused),
    slowestMs: Math.max(0, ...all.map(({ slowestMs }) => slowestMs)),
    byDoor,
    failures,
  }
}

async function timed(door: Door, seed: number, report: DoorReport): Promise<Verdict> {
  const hand = door.prepare(createChance(seed))
  const from = performance.now()
  try {
    return await hand()
  } catch (thrown) {
    if (door.isTyped(thrown)) return 'refused'
    throw thrown
  } finally {
    const ms = Math.round((performance.now() - from) * 10) / 10
    report.slowestMs = Math.max(report.slowestMs, ms)
  }
}

const prototypeKeys = (): string =>
  [Object.prototype, Array.prototype, Function.prototype]
    .map((one) => Reflect.ownKeys(one).length)
    .join()
