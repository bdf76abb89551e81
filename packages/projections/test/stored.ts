import {
  createMemoryServer,
  encodeBatch,
  type EventLog,
  openMemoryLog,
  sha256,
  type Stored,
  topology as topologySchema,
} from '@waybill/log'
import { encode } from '@waybill/core'
import type { Stage } from './player.ts'

export const topology = topologySchema.parse({ slots: 4 })

/** Puts into a log what a story has so far; what is there already stays. Sequences agree. */
export async function publish(log: EventLog, stage: Stage): Promise<void> {
  const { lastSeq: sent } = await log.info('EVENTS_g1')
  for (const [seq, event] of stage.events) {
    if (seq <= sent) continue
    const { slot } = { slot: event.id.split('-')[1] }
    await log.send(`wb.event.1.${slot}`, encodeBatch([encode(event)]))
  }
  const { lastSeq: written } = await log.info('JOURNAL_g1')
  for (const { subject, seq, bytes } of stage.journal) {
    if (seq <= written) continue
    const last = await log.last('JOURNAL_g1', subject)
    const outcome = await log.append(subject, bytes, last?.seq ?? 0)
    if (outcome.kind !== 'stored' || outcome.seq !== seq) throw new Error(`${seq} is taken`)
  }
}

/** A log in memory that holds a story. `createdAt`: another one is another stream. */
export async function logOf(stage: Stage, createdAt = stage.now): Promise<EventLog> {
  const log = emptyLog(() => stage.now, createdAt)
  await publish(log, stage)
  return log
}

function emptyLog(now: () => number, createdAt: number): EventLog {
  let created = false
  const server = createMemoryServer({ topology, now: () => (created ? now() : createdAt) })
  created = true
  return openMemoryLog({ server, hash: sha256 })
}

/** The log as an edit, a hole or a fault would leave it: `change` sees each journal message. */
export const altered = (
  log: EventLog,
  change: (message: Stored) => Stored | undefined,
): EventLog => {
  const changed = (message: Stored | undefined) => message && change(message)
  return {
    hash: log.hash,
    messageBytesMax: log.messageBytesMax,
    send: log.send.bind(log),
    append: log.append.bind(log),
    session: log.session.bind(log),
    info: log.info.bind(log),
    purge: log.purge.bind(log),
    subjects: log.subjects.bind(log),
    get: async (stream, seq) => changed(await log.get(stream, seq)),
    last: async (stream, subject) => changed(await log.last(stream, subject)),
    async *read(range, signal) {
      for await (const message of log.read(range, signal)) {
        const one = change(message)
        if (one) yield one
      }
    },
    follow(range, signal) {
      const reader = log.follow(range, signal)
      return {
        grant: reader.grant.bind(reader),
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
        async *[Symbol.asyncIterator]() {
          for await (const message of reader) {
            const one = change(message)
            if (one) yield one
          }
        },
      }
    },
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  }
}
