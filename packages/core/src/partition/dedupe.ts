import { z } from 'zod'
import type { Plain } from '../codec.ts'

/**
 * Ids seen within a window, with a digest of what they stood for. They are kept in blocks of an
 * hour, cut smaller in a busy one, and forgotten by the block: forgetting costs nothing until it
 * is due, and the same calls always leave the same blocks.
 */
export interface Dedupe {
  readonly idsMax: number
  /** Blocks dropped for want of room: how often the window was shorter than promised. */
  shortened: number
  /** Oldest first. */
  readonly blocks: Block[]
  /** Id -> digest, over all blocks. */
  readonly digests: Map<string, string>
}

export interface Block {
  readonly hour: number
  readonly ids: string[]
  /** Of the ids, in their order: a snapshot that is being written outlives the window. */
  readonly digests: string[]
}

const hourMs = 3_600_000
/** So that running out of room forgets a small part of what is known. */
const blocksPerBound = 16

export function createDedupe(idsMax = 1_000_000): Dedupe {
  return { idsMax, shortened: 0, blocks: [], digests: new Map() }
}

/** The first sight counts: an id that is known stays in its block, with its digest. */
export function remember(dedupe: Dedupe, atMs: number, id: string, digest: string): void {
  const { digests, idsMax } = dedupe
  if (digests.has(id)) return
  if (digests.size >= idsMax) shorten(dedupe)
  const block = openBlock(dedupe, Math.floor(atMs / hourMs))
  block.ids.push(id)
  block.digests.push(digest)
  digests.set(id, digest)
}

/** The digest it was remembered with. */
export function seen(dedupe: Dedupe, id: string): string | undefined {
  return dedupe.digests.get(id)
}

/** Forgets the blocks that lie before the window as a whole; so ids stay up to an hour longer. */
export function expire(dedupe: Dedupe, atMs: number, windowMs: number): void {
  const { blocks } = dedupe
  const kept = blocks.findIndex(({ hour }) => (hour + 1) * hourMs > atMs - windowMs)
  for (const block of blocks.splice(0, kept === -1 ? blocks.length : kept)) forget(dedupe, block)
}

function openBlock({ blocks, idsMax }: Dedupe, hour: number): Block {
  const newest = blocks.at(-1)
  const isFull = newest !== undefined && newest.ids.length >= Math.ceil(idsMax / blocksPerBound)
  if (newest !== undefined && newest.hour >= hour && !isFull) return newest
  const opened = { hour: Math.max(hour, newest?.hour ?? hour), ids: [], digests: [] }
  blocks.push(opened)
  return opened
}

function shorten(dedupe: Dedupe): void {
  const oldest = dedupe.blocks.shift()
  if (oldest === undefined) return
  forget(dedupe, oldest)
  dedupe.shortened++
}

function forget({ digests }: Dedupe, { ids }: Block): void {
  for (const id of ids) digests.delete(id)
}

const plainDedupe = z.strictObject({
  idsMax: z.int().positive(),
  shortened: z.int().nonnegative(),
  blocks: z.array(
    z.strictObject({ hour: z.int(), ids: z.array(z.string()), digests: z.array(z.string()) }),
  ),
})

/** For snapshots; canonical, as blocks keep the order in which ids came. */
export function toPlain({ idsMax, shortened, blocks }: Dedupe): Plain {
  return {
    idsMax,
    shortened,
    blocks: blocks.map(({ hour, ids, digests }) => ({
      hour,
      ids: [...ids],
      digests: [...digests],
    })),
  }
}

/** @throws ZodError for anything that `toPlain` did not make */
export function fromPlain(plain: Plain): Dedupe {
  return dedupeOf(plainDedupe.parse(plain))
}

/** The index over blocks that were kept. */
export function dedupeOf(kept: Omit<Dedupe, 'digests'>): Dedupe {
  const digests = new Map<string, string>()
  for (const block of kept.blocks) {
    block.ids.forEach((id, at) => digests.set(id, block.digests[at] ?? ''))
  }
  return { ...kept, digests }
}
