import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { judge } from '../judge.ts'
import { startLoad, type Load } from '../load.ts'
import { startStack, type Backend, type Stack } from '../stack.ts'
import { until } from '../../fixture/until.ts'
import { cellOf, type Cell, type Round, type Setting } from './cell.ts'
import { contentOf, examine, type Content } from './content.ts'

/** What a setting's measurement shares: where, with what, and what came of it. */
export interface Measuring {
  readonly dir: string
  readonly setting: Setting
  /** Why no file system of one's own can be mounted, or undefined. */
  readonly noMounts: string | undefined
  readonly rounds: number
  /** What has been measured so far; it stays, whatever happens to the rest. */
  readonly cells: Cell[]
}

export const cutRounds = 3
export const damageRounds = 8

const beforeMs = 1000
const goesOnWithinMs = 90_000

/** Some load, as long as a fault needs to have something to destroy. */
export async function someLoad(load: Load): Promise<void> {
  const before = load.acknowledged.size
  await until('events are acknowledged', goesOnWithinMs, () => load.acknowledged.size > before + 20)
  await wait(beforeMs * Math.random())
}

/** Kills under load, and what of all that was acknowledged is there at the end. */
export async function measureKills(
  { setting, rounds }: Measuring,
  { stack, load }: Loaded,
  kill: () => Promise<void>,
): Promise<Cell> {
  for (let round = 0; round < rounds; round++) {
    await someLoad(load)
    await kill()
  }
  await someLoad(load)
  const acknowledged = new Set(load.acknowledged)
  const found = await examine(stack.backend.direct, { acknowledged })
  const each: Round = { ...found, acknowledged: acknowledged.size }
  return { ...cellOf(setting, 'process kill', [each]), rounds }
}

export interface Loaded {
  readonly stack: Stack
  readonly load: Load
}

/** All services under load while `faults` does its work; then everything must be as promised. */
export async function underLoad(
  dir: string,
  backend: Backend,
  faults: (loaded: Loaded) => Promise<void>,
): Promise<{ written: Content; acknowledged: ReadonlySet<string>; problems: readonly string[] }> {
  await using stack = await startStack(dir, backend)
  const load = startLoad(stack.ingress)
  await faults({ stack, load })
  await load.stop()
  const { problems } = await judge(stack, load.acknowledged)
  const written = await contentOf(backend.direct)
  return { written, acknowledged: load.acknowledged, problems: [...problems, ...load.wrong] }
}

/** A copy of a disk in a file, and what had been acknowledged before it was begun. */
export interface CutDisks {
  readonly images: readonly string[]
  readonly acknowledged: ReadonlySet<string>
}

export const imagesIn = (dir: string, cut: string, names: readonly string[]): string[] =>
  names.map((name) => join(dir, `${cut}-${name}.img`))

export const forget = async (files: readonly string[]): Promise<void> => {
  for (const file of files) await rm(file, { recursive: true, force: true })
}
