import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { single } from '../stack.ts'
import { cellOf, skippedCell, type Round } from './cell.ts'
import { examine, type Expected } from './content.ts'
import { damage } from './damage.ts'
import {
  cutRounds,
  damageRounds,
  forget,
  imagesIn,
  measureKills,
  someLoad,
  underLoad,
  type CutDisks,
  type Loaded,
  type Measuring,
} from './measuring.ts'
import { makeImage, openStore, type Store } from './store.ts'

export async function measureOneNode(measuring: Measuring): Promise<readonly string[]> {
  const { dir, setting, noMounts, cells } = measuring
  const image = noMounts === undefined ? join(dir, 'disk.img') : undefined
  if (image !== undefined) await makeImage(image)
  await using store = await openStore(join(dir, 'disk'), image)
  const cuts: CutDisks[] = []
  const backend = await single(store.dir, { sync: setting.sync })
  const { written, acknowledged, problems } = await underLoad(dir, backend, async (loaded) => {
    const kill = async () => {
      await backend.server.kill('SIGKILL')
      await backend.start()
    }
    cells.push(await measureKills(measuring, loaded, kill))
    if (noMounts !== undefined) return
    for (let round = 0; round < cutRounds; round++) {
      cuts.push(await cut(dir, round, { store, pid: backend.server.pid }, loaded))
    }
  })
  cells.push(
    noMounts === undefined
      ? cellOf(setting, 'power cut', await readCuts(dir, cuts))
      : skippedCell(setting, 'power cut', noMounts),
  )
  const expected = { written, acknowledged }
  cells.push(cellOf(setting, 'damaged disk', await damaged(dir, store.dir, expected)))
  return problems
}

/** A power cut takes no time and a copy does, so the server stands still for it. */
async function cut(
  dir: string,
  round: number,
  { store, pid }: { readonly store: Store; readonly pid: number },
  { load }: Loaded,
): Promise<CutDisks> {
  await someLoad(load)
  const acknowledged = new Set(load.acknowledged)
  const images = imagesIn(dir, `cut-${round}`, ['disk'])
  process.kill(pid, 'SIGSTOP')
  try {
    for (const image of images) await store.cut(image)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  return { images, acknowledged }
}

async function readCuts(dir: string, cuts: readonly CutDisks[]): Promise<Round[]> {
  const rounds: Round[] = []
  for (const [at, { images, acknowledged }] of cuts.entries()) {
    await using disk = await openStore(join(dir, `after-${at}`), images[0])
    rounds.push(await readAgain(disk.dir, { acknowledged }))
  }
  for (const { images } of cuts) await forget(images)
  return rounds
}

async function damaged(dir: string, sound: string, expected: Expected): Promise<Round[]> {
  const rounds: Round[] = []
  for (let round = 0; round < damageRounds; round++) {
    const store = join(dir, `damaged-${round}`)
    await cp(sound, store, { recursive: true })
    await damage(store, round)
    rounds.push(await readAgain(store, expected))
    await forget([store])
  }
  return rounds
}

async function readAgain(store: string, expected: Expected): Promise<Round> {
  await using server = await single(store)
  const found = await examine(server.direct, expected)
  return { ...found, acknowledged: expected.acknowledged.size }
}
