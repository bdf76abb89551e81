import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { streamNames } from '@waybill/log'
import { startCluster, type Cluster, type ClusterNode } from '../cluster/cluster.ts'
import { openLog } from '../judge.ts'
import { cellOf, skippedCell, type Round } from './cell.ts'
import { examine, type Expected } from './content.ts'
import { damage } from './damage.ts'
import {
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

const names = ['n1', 'n2', 'n3'] as const
/** Each takes three servers to start and two elections. */
const damageRounds = 4
const cutAllRounds = 2
const wholeWithinMs = 15_000
const leadWithinMs = 15_000

export async function measureThreeNodes(measuring: Measuring): Promise<readonly string[]> {
  const { dir, setting, noMounts, cells } = measuring
  const { cuts, sound, expected, problems } = await live(measuring)
  const { sync } = setting
  if (noMounts === undefined) {
    cells.push(cellOf(setting, 'power cut of all', await readCuts(dir, sync, cuts)))
  } else {
    cells.push(skippedCell(setting, 'power cut', noMounts))
    cells.push(skippedCell(setting, 'power cut of all', noMounts))
  }
  const rounds = await damaged(dir, { dirs: sound, sync }, expected)
  cells.push(cellOf(setting, 'damaged disk', rounds))
  return problems
}

/** What happens under load; and a sound store of each server, as it is when all has ended. */
async function live(measuring: Measuring) {
  const { dir, setting, noMounts, cells } = measuring
  await using undo = new AsyncDisposableStack()
  const stores = await openStores(dir, noMounts === undefined, undo)
  const cuts: CutDisks[] = []
  const dirs = stores.map((store) => store.dir)
  const cluster = await startCluster(dir, { sync: setting.sync, dirs })
  const { written, acknowledged, problems } = await underLoad(dir, cluster, async (loaded) => {
    cells.push(await measureKills(measuring, loaded, () => killAll(cluster)))
    if (noMounts !== undefined) return
    for (let round = 0; round < cutAllRounds; round++) {
      cuts.push(await cutAll(dir, round, { cluster, stores }, loaded))
    }
    cells.push(cellOf(setting, 'power cut', await cutOne(dir, { cluster, stores }, loaded)))
  })
  // Off the mounts: there are few loop devices, and the cuts want some.
  const sound = names.map((name) => join(dir, `sound-${name}`))
  for (const [at, to] of sound.entries()) await cp(dirs[at] ?? '', to, { recursive: true })
  return { cuts, sound, expected: { written, acknowledged }, problems }
}

async function openStores(
  dir: string,
  hasImages: boolean,
  undo: AsyncDisposableStack,
): Promise<Store[]> {
  const stores: Store[] = []
  for (const name of names) {
    const image = hasImages ? join(dir, `${name}.img`) : undefined
    if (image !== undefined) await makeImage(image)
    stores.push(undo.use(await openStore(join(dir, name), image)))
  }
  return stores
}

async function killAll(cluster: Cluster): Promise<void> {
  await Promise.all(cluster.nodes.map((node) => node.kill()))
  await Promise.all(cluster.nodes.map((node) => node.start()))
  await cluster.whole()
}

/** All at the same moment: they stand still until the last copy is made. */
async function cutAll(
  dir: string,
  round: number,
  { cluster, stores }: Running,
  { load }: Loaded,
): Promise<CutDisks> {
  await someLoad(load)
  const acknowledged = new Set(load.acknowledged)
  const images = imagesIn(dir, `cut-${round}`, names)
  for (const node of cluster.nodes) node.pause()
  try {
    for (const [at, store] of stores.entries()) await store.cut(images[at] ?? '')
  } finally {
    for (const node of cluster.nodes) node.goOn()
  }
  return { images, acknowledged }
}

interface Running {
  readonly cluster: Cluster
  readonly stores: readonly Store[]
}

/** One after the other loses what its disk had not got, comes back with that, and leads. */
async function cutOne(dir: string, running: Running, { load, stack }: Loaded): Promise<Round[]> {
  const { cluster, stores } = running
  const rounds: Round[] = []
  for (const [at, node] of cluster.nodes.entries()) {
    await someLoad(load)
    const image = join(dir, `cut-one-${at}.img`)
    // In this order: what it acknowledged before it died counts, what only the kernel knew is gone.
    await node.kill()
    await stores[at]?.cut(image)
    const acknowledged = new Set(load.acknowledged)
    await stores[at]?.replace(image)
    await node.start()
    await cluster.whole()
    await leadAll(cluster, node)
    const found = await examine(stack.backend.direct, { acknowledged })
    rounds.push({ ...found, acknowledged: acknowledged.size })
  }
  return rounds
}

async function readCuts(
  dir: string,
  sync: 'always' | 'default',
  cuts: readonly CutDisks[],
): Promise<Round[]> {
  const rounds: Round[] = []
  for (const [round, { images, acknowledged }] of cuts.entries()) {
    await using disks = new AsyncDisposableStack()
    const dirs: string[] = []
    for (const [at, image] of images.entries()) {
      const disk = disks.use(await openStore(join(dir, `after-${round}-${at}`), image))
      dirs.push(disk.dir)
    }
    rounds.push(await readAgain({ dirs, sync }, { acknowledged }))
  }
  for (const { images } of cuts) await forget(images)
  return rounds
}

interface Stores {
  readonly dirs: readonly string[]
  readonly sync: 'always' | 'default'
}

async function damaged(dir: string, sound: Stores, expected: Expected): Promise<Round[]> {
  const rounds: Round[] = []
  for (let round = 0; round < damageRounds; round++) {
    const dirs = names.map((name) => join(dir, `damaged-${round}-${name}`))
    for (const [at, from] of sound.dirs.entries()) {
      await cp(from, dirs[at] ?? '', { recursive: true })
    }
    await damage(dirs[0] ?? '', round)
    rounds.push(await readAgain({ ...sound, dirs }, expected))
    await forget(dirs)
  }
  return rounds
}

/** As the first server tells it when it leads; what is gone, is gone from the others too. */
async function readAgain({ dirs, sync }: Stores, expected: Expected): Promise<Round> {
  const acknowledged = expected.acknowledged.size
  await using cluster = await startCluster('', { dirs, sync, loose: true })
  const [first, second] = cluster.nodes
  if (!first || !second) throw new Error('three servers are three')
  try {
    await cluster.whole(wholeWithinMs)
    await leadAll(cluster, first)
  } catch (cause) {
    // It is not let lead, or has no streams to lead.
    const found = await examine(cluster.direct, expected)
    return { ...found, acknowledged, changed: true, noticed: 'start', said: String(cause) }
  }
  const found = await examine(cluster.direct, expected)
  if (found.gone === 0) return { ...found, acknowledged }
  await leadAll(cluster, second)
  const { gone } = await examine(cluster.direct, expected)
  return { ...found, acknowledged, gone: Math.min(gone, found.gone) }
}

async function leadAll(cluster: Cluster, node: ClusterNode): Promise<void> {
  await using open = await openLog(cluster.direct)
  const { events, journal } = streamNames(open.topology)
  for (const stream of [events, journal]) await cluster.lead(stream, node, leadWithinMs)
}
