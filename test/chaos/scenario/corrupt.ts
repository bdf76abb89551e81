import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { createApiClient } from '@waybill/api'
import type { Topology } from '@waybill/log'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  anyBlock,
  anyOf,
  chance,
  dropIndex,
  fileEdits,
  storeAgain,
  type FileEdit,
} from '../corrupt/edit.ts'
import { look, mattering, readAll, type Noticed, type Reading } from '../corrupt/stored.ts'
import { judge, openLog, type Judgement } from '../judge.ts'
import { startLoad } from '../load.ts'
import type { Scenario } from '../scenario.ts'
import { single, startStack, type Single, type Stack } from '../stack.ts'
import { until } from '../../fixture/until.ts'

const kinds = [...(Object.keys(fileEdits) as FileEdit[]), 'storedAgain'] as const
type Kind = (typeof kinds)[number]

/**
 * Stored bytes of every stream that decides something are edited, one edit a round, in a copy of
 * one store. Whenever what can be read is not what was written, `verify` has to say so; who else
 * noticed is counted. Edits that change nothing that is read are done again.
 */
export const corrupt: Scenario = {
  what: 'edits of stored bytes: flip, cut, splice, an older block, a message stored again',
  rounds: 100,
  async run(dir, rounds) {
    const sound = await prepare(dir)
    const problems = [...sound.judged.problems]
    const control = await edited(sound, () => Promise.resolve())
    if (control.changed !== undefined || control.byVerify || control.byStart) {
      problems.push(`an unedited copy: ${JSON.stringify(control)}`)
    }
    const counts = { edits: 0, changed: 0, found: 0, byServer: 0, byStart: 0, byVerify: 0 }
    const changedBy: Record<string, number> = {}
    while (counts.changed < rounds) {
      const kind = kinds[counts.edits++ % kinds.length] ?? 'flip'
      const { what, ...noticed } = await edit(sound, kind)
      if (noticed.changed === undefined) continue
      changedBy[kind] = (changedBy[kind] ?? 0) + 1
      count(counts, noticed)
      if (!noticed.byVerify) problems.push(`verify missed: ${what}: ${noticed.changed}`)
    }
    return { ...sound.judged, ...counts, changedBy, problems }
  },
}

function count(counts: Record<string, number>, noticed: Noticed): void {
  const { byServer, byStart, byVerify } = noticed
  const counted = { changed: true, found: byServer || byVerify, byServer, byStart, byVerify }
  for (const [name, is] of Object.entries(counted)) {
    if (is) counts[name] = (counts[name] ?? 0) + 1
  }
}

interface Sound {
  readonly dir: string
  readonly store: string
  readonly older: string
  readonly topology: Topology
  readonly written: Reading
  readonly judged: Judgement
}

/** One store with several blocks, letters, and a copy of it from the middle of the load. */
async function prepare(dir: string): Promise<Sound> {
  const store = join(dir, 'sound')
  const older = join(dir, 'older')
  const backend = await single(store)
  await using stack = await startStack(dir, backend)
  const topology = await makeSmallBlocks(stack, backend)
  const load = startLoad(stack.ingress)
  await until('first events', 20_000, () => load.acknowledged.size > 100)
  await cancelSome(stack, [...load.acknowledged].slice(-10))
  await cp(store, older, { recursive: true })
  await until('more events', 20_000, () => load.acknowledged.size > 200)
  await cancelSome(stack, [...load.acknowledged].slice(-10))
  await load.stop()
  const judged = await judge(stack, load.acknowledged)
  for (const { kill, ended } of [...stack.dispatchers, ...Object.values(stack.services)]) {
    kill('SIGKILL')
    await ended()
  }
  await using log = await openLog(backend.direct)
  const written = await readAll(log.log, topology)
  return { dir, store, older, topology, written, judged }
}

/** The server takes the size of its blocks from a stream's limit, when it starts. */
async function makeSmallBlocks(stack: Stack, backend: Single): Promise<Topology> {
  await setLimits(stack, smallBytesMax)
  await backend.server.kill('SIGTERM')
  await backend.start()
  return setLimits(stack, -1)
}

const smallBytesMax = 120_000

async function setLimits({ backend }: Stack, max_bytes: number): Promise<Topology> {
  await using log = await openLog(backend.direct)
  const nc = await connect({ servers: backend.direct })
  try {
    const { streams } = await jetstreamManager(nc)
    for (const stream of mattering(log.topology)) await streams.update(stream, { max_bytes })
    return log.topology
  } finally {
    await nc.close()
  }
}

/** So that there are letters. */
async function cancelSome({ backend }: Stack, events: readonly string[]): Promise<void> {
  const nc = await connect({ servers: backend.direct })
  const api = createApiClient(nc)
  try {
    for (const event of events) {
      const target = { kind: 'event', event } as const
      const command = { app: 'chaos', target, by: 'chaos', reason: 'to send a letter' }
      await api.call('dispatch.cancel', command)
    }
  } finally {
    await nc.close()
  }
}

async function edit(sound: Sound, kind: Kind): Promise<Noticed & { readonly what: string }> {
  if (kind === 'storedAgain') {
    let what = ''
    const again = async (server: string): Promise<void> => {
      what = await storeAgain(server, sound.topology)
    }
    return { ...(await edited(sound, async () => undefined, again)), what }
  }
  const stream = anyOf(mattering(sound.topology))
  const hasIndex = chance(2) === 0
  let what = ''
  const noticed = await edited(sound, async (dir) => {
    const block = await anyBlock(dir, stream)
    if (!hasIndex) await dropIndex(dir, stream)
    const how = await fileEdits[kind]({ dir, older: sound.older }, block)
    what = `${block}: ${how}, ${hasIndex ? 'with' : 'without'} the index`
  })
  return { ...noticed, what }
}

/** In a copy, whose server is started afterwards. */
async function edited(
  { dir, store, topology, written }: Sound,
  work: (dir: string) => Promise<unknown>,
  then: (server: string) => Promise<void> = () => Promise.resolve(),
): Promise<Noticed> {
  const copy = join(dir, 'edited')
  await cp(store, copy, { recursive: true })
  try {
    await work(copy)
    await using server = await single(copy).catch(() => undefined)
    // Who finds no server gets no further.
    if (!server) return { changed: 'no server', byServer: true, byStart: true, byVerify: true }
    await then(server.direct)
    return await look(server.direct, topology, written)
  } finally {
    await rm(copy, { recursive: true })
  }
}
