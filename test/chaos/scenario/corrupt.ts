import { sha256, streamNames, type EventLog, type Topology } from '@waybill/log'
import { cp, open, readdir, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { checkHistory } from '@waybill/history'
import { judge, openLog } from '../judge.ts'
import { startLoad } from '../load.ts'
import type { Scenario } from '../scenario.ts'
import { single, startStack } from '../stack.ts'

/**
 * Bytes of the stored journal are changed while the server is down. Whenever what can be read of it
 * is not what was written, the server does not start, or verify says so.
 */
export const corrupt: Scenario = {
  what: 'bytes of the stored journal flipped or cut off',
  rounds: 20,
  async run(dir, rounds) {
    const sound = join(dir, 'sound')
    const { judged, written } = await write(dir, sound)
    const counts = { changed: 0, detected: 0, unchanged: 0 }
    const problems = [...judged.problems]
    const control = join(dir, 'control')
    await cp(sound, control, { recursive: true })
    const untouched = await readAgain(control, written)
    if (untouched !== 'unchanged') problems.push(`an undamaged copy is ${untouched}`)
    for (let round = 0; round < rounds; round++) {
      const store = join(dir, `damaged-${round}`)
      await cp(sound, store, { recursive: true })
      const damage = await damageJournal(store, round)
      const finding = await readAgain(store, written)
      if (finding === 'unchanged') counts.unchanged += 1
      else counts.changed += 1
      if (finding === 'detected') counts.detected += 1
      if (finding === 'undetected') problems.push(`nobody noticed: ${damage}`)
      await rm(store, { recursive: true })
    }
    return { ...judged, ...counts, problems }
  },
}

type Written = ReadonlyMap<number, string>

async function write(dir: string, store: string) {
  await using stack = await startStack(dir, await single(store))
  const load = startLoad(stack.ingress)
  await wait(1500)
  await load.stop()
  const judged = await judge(stack, load.acknowledged)
  await using log = await openLog(stack.backend.direct)
  return { judged, written: await readJournal(log.log, log.topology) }
}

async function readJournal(log: EventLog, topology: Topology): Promise<Written> {
  const found = new Map<number, string>()
  const stream = streamNames(topology).journal
  for await (const { seq, bytes } of log.read({ stream, subjects: [], fromSeq: 1 })) {
    found.set(seq, sha256.bytes(bytes))
  }
  return found
}

/** In turn: a flipped bit, a tail cut off; each with and without the server's index. */
async function damageJournal(store: string, round: number): Promise<string> {
  const files = await readdir(store, { recursive: true })
  const blocks = files.filter((file) => file.includes('JOURNAL') && file.endsWith('.blk'))
  const [block] = blocks
  if (block === undefined) throw new Error('the journal has no block')
  const file = join(store, block)
  const { size } = await stat(file)
  const at = Math.floor(Math.random() * size)
  const bit = 1 << Math.floor(Math.random() * 8)
  const hasIndex = round % 4 < 2
  if (!hasIndex) {
    const index = files.find((name) => name.includes('JOURNAL') && name.endsWith('index.db'))
    if (index !== undefined) await rm(join(store, index))
  }
  if (round % 2 === 0) await flip(file, at, bit)
  else await truncate(file, at)
  const how = round % 2 === 0 ? `bit ${bit} of byte ${at} flipped` : `cut off at ${at}`
  return `${how}, of ${size}, ${hasIndex ? 'with' : 'without'} the index`
}

async function flip(file: string, at: number, bit: number): Promise<void> {
  await using handle = await open(file, 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ bit
  await handle.write(byte, 0, 1, at)
}

async function readAgain(
  store: string,
  written: Written,
): Promise<'unchanged' | 'detected' | 'undetected'> {
  // Whoever finds no stream, or cannot read it, has noticed.
  try {
    await using server = await single(store)
    await using log = await openLog(server.direct)
    const { findings, open: unended, unread } = await checkHistory(log)
    if (findings.length + unended + unread > 0) return 'detected'
    const found = await readJournal(log.log, log.topology)
    const isSame =
      found.size === written.size && [...written].every(([seq, hash]) => found.get(seq) === hash)
    return isSame ? 'unchanged' : 'undetected'
  } catch {
    return 'detected'
  }
}
