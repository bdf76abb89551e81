import { connect } from '@nats-io/transport-node'
import { copyFile, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Topology } from '@waybill/log'
import { openLog } from '../judge.ts'
import { mattering } from './stored.ts'

export interface Stores {
  /** What is edited: a copy of the sound store. */
  readonly dir: string
  /** The sound store as it was in the middle of the load. */
  readonly older: string
}

/** Answers what it did, in words; undefined: there was nothing of that kind to do. */
export type Edit = (stores: Stores, block: string) => Promise<string | undefined>

/** To files of a server that is down. */
export const fileEdits = { flip, truncate: cut, splice, olderBlock, otherBlock } satisfies Record<
  string,
  Edit
>
export type FileEdit = keyof typeof fileEdits

async function flip({ dir }: Stores, block: string): Promise<string> {
  const file = join(dir, block)
  const at = chance((await stat(file)).size)
  const bit = 1 << chance(8)
  await using handle = await open(file, 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ bit
  await handle.write(byte, 0, 1, at)
  return `bit ${bit} of byte ${at} flipped`
}

async function cut({ dir }: Stores, block: string): Promise<string> {
  const file = join(dir, block)
  const at = chance((await stat(file)).size)
  await truncate(file, at)
  return `cut off at ${at}`
}

/** A piece of a message copied over another. */
async function splice({ dir }: Stores, block: string): Promise<string> {
  const file = join(dir, block)
  const bytes = await readFile(file)
  const length = Math.min(bytes.length, 1 + chance(2000))
  const from = chance(bytes.length - length + 1)
  const to = chance(bytes.length - length + 1)
  await using handle = await open(file, 'r+')
  await handle.write(bytes.subarray(from, from + length), 0, length, to)
  return `${length} bytes of ${from} copied to ${to}`
}

async function olderBlock({ dir, older }: Stores, block: string): Promise<string | undefined> {
  const before = await readFile(join(older, block)).catch(() => undefined)
  const now = await readFile(join(dir, block))
  if (!before || before.length === 0 || before.equals(now)) return undefined
  await copyFile(join(older, block), join(dir, block))
  return `put back as it was: ${before.length} bytes of ${now.length}`
}

/** An older block under the name of a newer one. */
async function otherBlock({ dir }: Stores, block: string): Promise<string | undefined> {
  const folder = join(dir, block, '..')
  const [other] = shuffled((await readdir(folder)).filter(isOther(basename(block))))
  if (other === undefined) return undefined
  await copyFile(join(folder, other), join(dir, block))
  return `replaced by ${other}`
}

const isOther = (block: string) => (name: string) => name.endsWith('.blk') && name !== block

/** A block file of one of the streams that matter, any of them. */
export async function anyBlock(dir: string, stream: string): Promise<string> {
  const files = await readdir(dir, { recursive: true })
  const [block] = shuffled(files.filter((file) => isOf(file, stream) && file.endsWith('.blk')))
  if (block === undefined) throw new Error(`${stream} has no block`)
  return block
}

/** Without it the server reads the blocks themselves, and believes what it finds. */
export async function dropIndex(dir: string, stream: string): Promise<void> {
  const files = await readdir(dir, { recursive: true })
  const index = files.find((file) => isOf(file, stream) && file.endsWith('index.db'))
  if (index !== undefined) await rm(join(dir, index))
}

const isOf = (file: string, stream: string): boolean => file.split('/').includes(stream)

/** To a server that runs: a message of the past is stored once more. */
export async function storeAgain(server: string, topology: Topology): Promise<string> {
  const stream = anyOf(mattering(topology))
  await using open = await openLog(server)
  const { lastSeq } = await open.log.info(stream)
  const message = await open.log.get(stream, 1 + chance(lastSeq))
  if (!message) throw new Error(`${stream} has a hole`)
  const nc = await connect({ servers: server })
  try {
    await nc.request(message.subject, message.bytes, { timeout: 5000 })
  } finally {
    await nc.close()
  }
  return `${stream}: message ${message.seq} of ${lastSeq} stored again`
}

/** A whole number from 0, less than `below`. */
export const chance = (below: number): number => Math.floor(Math.random() * below)

export function anyOf<T>(all: readonly T[]): T {
  const one = all[chance(all.length)]
  if (one === undefined) throw new Error('there is nothing to choose from')
  return one
}

const shuffled = <T>(all: readonly T[]): readonly T[] =>
  all
    .map((one) => ({ one, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
