import { setImmediate, setTimeout } from 'node:timers/promises'
import {
  type EventLog,
  PositionLost,
  type Reader,
  type Stored,
  streamNames,
  subjects,
  type Topology,
} from '@waybill/log'
import { type Folded, type Halted, openFolder } from './fold.ts'
import { resume } from './resume.ts'
import type { RowStore } from './store.ts'
import type { PartitionTable } from './tables.ts'

export interface ProjectorOptions {
  readonly log: Pick<EventLog, 'hash' | 'info' | 'follow' | 'get' | 'last' | 'read'>
  /** Names the journal's stream; one reader follows all apps and slots of it. */
  readonly topology: Topology
  readonly store: RowStore
  /** After the rows are committed, in the order of the stream, each bundle once. */
  readonly onFolded?: (folded: Folded) => void
  readonly onHalted?: (halted: Halted) => void
  /** Between two questions to a cluster whose leader may be one of the past. */
  readonly pause?: (ms: number) => Promise<void>
}

export interface ProjectorStatus {
  readonly stream: string
  /** The last sequence that is in the rows, as far as no partition is halted. */
  readonly applied: number
  /** The leader's last sequence when it was last asked. */
  readonly head: number
  readonly partitions: readonly PartitionTable[]
  readonly halted: readonly Halted[]
}

/** Keeps a store up with its journal. */
export interface Projector {
  /** Until the signal; a batch in progress is finished. */
  run(signal: AbortSignal): Promise<void>
  /** Asks the leader how far the journal goes. */
  look(): Promise<ProjectorStatus>
  status(): ProjectorStatus
  /** The journal's last sequence when it began: up to here it catches up, from here on it is live. */
  readonly horizon: number
  /** Where it began to read; undefined: the stream is not the one it knows, so it reads nothing. */
  readonly fromSeq: number | undefined
}

/** Ahead of the fold: enough that the socket is never idle, little enough to stop soon. */
const inFlight = { messages: 512, bytes: 16 * 1024 * 1024 }
/** A batch is what is there, up to this: folding holds up queries for as long. */
const batchBytesMax = 2 * 1024 * 1024

export async function openProjector(options: ProjectorOptions): Promise<Projector> {
  const { log, topology, onFolded, onHalted } = options
  const stream = streamNames(topology).journal
  const { info, folder, fromSeq } = await open(options, stream)
  for (const halted of folder.halted()) onHalted?.(halted)
  let applied = (fromSeq ?? 1) - 1
  let head = info.lastSeq

  const status = (): ProjectorStatus => {
    return { stream, applied, head, partitions: folder.partitions(), halted: folder.halted() }
  }

  return {
    horizon: info.lastSeq,
    fromSeq,
    status,
    async look() {
      head = (await log.info(stream)).lastSeq
      return status()
    },
    async run(signal) {
      if (fromSeq === undefined) return untilAborted(signal)
      await using reader = log.follow({ stream, subjects: [], fromSeq }, signal)
      reader.grant(inFlight)
      for await (const messages of batchesOf(reader)) {
        const folded = await folder.fold(messages)
        applied = messages.at(-1)?.seq ?? applied
        head = Math.max(head, applied)
        for (const halted of folded.halted) onHalted?.(halted)
        onFolded?.(folded)
        reader.grant({ messages: messages.length, bytes: sizeOf(messages) })
      }
    },
  }
}

/** A leader of the past answers for so long at most, and shows less than there is. */
const staleMsMax = 15_000
const staleAskMs = 500

/** In a cluster, what seems to be gone has to be so for a while before a partition is halted. */
async function open(options: ProjectorOptions, stream: string) {
  const { log, topology, store, pause = (ms: number) => setTimeout(ms) } = options
  const { journal } = subjects(topology)
  const subjectOf = ({ app, slot }: PartitionTable) => journal(app, slot)
  for (let waitedMs = 0; ; waitedMs += staleAskMs) {
    const info = await log.info(stream)
    const truncated = info.firstSeq > 1
    const folder = await openFolder({ store, hash: log.hash, stream: info, truncated })
    const { fromSeq, halted } = await resume({ log, info, subjectOf }, folder.partitions())
    const gone = halted.some(({ cause }) => cause instanceof PositionLost)
    if (!gone || topology.replicas === 1 || waitedMs >= staleMsMax) {
      for (const one of halted) folder.halt(one)
      return { info, folder, fromSeq }
    }
    await pause(staleAskMs)
  }
}

/**
 * What has come in while the last batch was folded, so batches grow with the load and a lone
 * bundle never waits for company. The reader is emptied in the background, because folding holds
 * up the loop and the next messages come in one go when it turns.
 */
async function* batchesOf(reader: Reader): AsyncGenerator<readonly Stored[], void> {
  const waiting: Stored[] = []
  let wake = Promise.withResolvers<void>()
  let ended = false
  const pumped = pump(reader, (message) => {
    waiting.push(message)
    wake.resolve()
  }).finally(() => {
    ended = true
    wake.resolve()
  })
  // Whoever takes the last batch hears of it below; until then it is nobody's rejection.
  pumped.catch(() => undefined)
  while (!ended || waiting.length > 0) {
    await wake.promise
    await setImmediate()
    if (waiting.length > 0) yield waiting.splice(0, countUpTo(waiting, batchBytesMax))
    if (waiting.length === 0 && !ended) wake = Promise.withResolvers()
  }
  await pumped
}

async function pump(reader: Reader, take: (message: Stored) => void): Promise<void> {
  for await (const message of reader) take(message)
}

/** At least one: a message alone may be larger than a batch should be. */
function countUpTo(messages: readonly Stored[], bytesMax: number): number {
  let bytes = 0
  const end = messages.findIndex((message) => (bytes += message.bytes.length) > bytesMax)
  return end < 0 ? messages.length : Math.max(1, end)
}

const sizeOf = (messages: readonly Stored[]): number =>
  messages.reduce((sum, { bytes }) => sum + bytes.length, 0)

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
