import { open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A bit of a stored message flipped: of EVENTS and the journal in turn, with and without index. */
export async function damage(store: string, round: number): Promise<string> {
  const stream = round % 2 === 0 ? 'EVENTS' : 'JOURNAL'
  const hasIndex = round % 4 < 2
  const files = (await readdir(store, { recursive: true })).filter((file) => file.includes(stream))
  const [block] = files.filter((file) => file.endsWith('.blk')).sort()
  if (block === undefined) throw new Error(`${stream} has no block`)
  if (!hasIndex)
    for (const file of files) if (file.endsWith('index.db')) await rm(join(store, file))
  const { size } = await stat(join(store, block))
  const at = Math.floor(Math.random() * size)
  const bit = 1 << Math.floor(Math.random() * 8)
  await flip(join(store, block), at, bit)
  return `${stream}: bit ${bit} of byte ${at} of ${size}, ${hasIndex ? 'with' : 'without'} index`
}

async function flip(file: string, at: number, bit: number): Promise<void> {
  await using handle = await open(file, 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ bit
  await handle.write(byte, 0, 1, at)
}
