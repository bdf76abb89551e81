import { openMemoryLog, runRetention, sha256, type EventLog, type Stored } from '@waybill/log'
import { retentionFloors } from '../../packages/cli/src/retention.ts'
import type { FaultKind } from './faults.ts'
import type { Surroundings } from './instance.ts'
import { startMs } from './names.ts'
import type { Options } from './options.ts'
import { random, type Random } from './world/random.ts'

const apart: ReadonlySet<FaultKind> = new Set(['power', 'pause', 'cut-off'])

/** An operator takes away what nobody needs any more, by the product's own floors. */
export interface Retiring {
  readonly atMs: number
  /** Between what is found and what is done about it. */
  readonly lagMs: number
  /** Younger ones stay. */
  readonly eventsMs: number
  readonly journalMs: number
  readonly mailMs: number
}

/** What was taken away, and when the floors were computed that allowed it. */
export interface Retired {
  readonly foundAt: number
  readonly message: Stored
}

/**
 * A quarter of all seeds, on top of what they have without. Not beside power cuts: the simulated
 * ones put the places of a stream back in a row. Nor where a host stands still: nothing is as young
 * as that when it is taken away.
 */
export function retiring(options: Options): Options {
  const chance = random(`${options.seed}/retiring`)
  if (!chance.chance(0.25) || options.faults.some(({ kind }) => apart.has(kind))) return options
  const { faultsUntilMs: spanMs, pace } = options
  const second = pace === 'days' ? 600_000 : 1000
  const age = (): number => chance.pick([0, 0, 1, 5, 30]) * second
  const retirings = Array.from({ length: chance.int(1, 5) }, () => ({
    atMs: Math.floor(chance.between(spanMs * 0.1, spanMs * 1.1)),
    lagMs: chance.pick([0, 0, 200, 3000]),
    eventsMs: age(),
    journalMs: age(),
    mailMs: age(),
  }))
  // Of a journal only what lies before a snapshot goes.
  const checkpointEntries = chance.int(15, 60)
  const pauses = drawPauses(chance.fork('pauses'), options)
  // While it lasts, and when some of what came is behind it.
  const within = pauses.map(({ atMs, untilMs }) => ({
    atMs: Math.floor(atMs + (untilMs - atMs) * 0.8),
    lagMs: 0,
    eventsMs: 0,
    journalMs: 0,
    mailMs: 0,
  }))
  return {
    ...options,
    pauses: [...options.pauses, ...pauses],
    retirings: [...retirings, ...within],
    limits: { ...options.limits, checkpointEntries },
  }
}

function drawPauses(chance: Random, { sends, bindings, faultsUntilMs: spanMs }: Options) {
  if (chance.chance(0.5)) return []
  const first = chance.pick(sends).atMs
  const atMs = Math.max(0, first - chance.int(100, 3000))
  const untilMs = Math.max(atMs + 1, Math.min(spanMs, first + chance.int(2000, 30_000)))
  return [{ atMs, untilMs, binding: chance.chance(0.3) ? undefined : chance.pick(bindings).id }]
}

type World = Pick<
  Surroundings,
  'schedule' | 'server' | 'snapshots' | 'topology' | 'defects' | 'retired'
>

export function retireAtTimes(world: World & Pick<Surroundings, 'options'>): void {
  for (const one of world.options.retirings ?? []) {
    world.schedule.at(startMs + one.atMs, () => void retire(world, one))
  }
}

async function retire(world: World, { lagMs, ...ages }: Retiring): Promise<void> {
  const { schedule, server, snapshots, topology, defects, retired } = world
  const log = openMemoryLog({ server: server.memory, hash: sha256 })
  const foundAt = Math.floor(schedule.now)
  const failed = (cause: unknown): void => void defects.push(`retention: ${String(cause)}`)
  const { signal } = new AbortController()
  const journals = { log, snapshots, topology }
  try {
    const floors = await retentionFloors(journals, { ...ages, now: foundAt }, signal)
    const kept = (message: Stored): void => void retired.push({ foundAt, message })
    schedule.after(lagMs, () => {
      runRetention({ log: noting(log, kept), topology, floors }).catch(failed)
    })
  } catch (cause) {
    failed(cause)
  }
}

/** Tells of every message that it takes away. */
function noting(
  log: EventLog,
  gone: (message: Stored) => void,
): Pick<EventLog, 'last' | 'purge' | 'send' | 'subjects'> {
  return {
    last: (...args) => log.last(...args),
    send: (...args) => log.send(...args),
    subjects: (...args) => log.subjects(...args),
    async purge(stream, subject, belowSeq) {
      for await (const one of log.read({ stream, subjects: [subject], fromSeq: 1 })) {
        if (one.seq < belowSeq) gone(one)
      }
      return log.purge(stream, subject, belowSeq)
    },
  }
}

/** What is read of a log when a run is over. */
export type PastLog = Pick<EventLog, 'hash' | 'read' | 'get' | 'last' | 'subjects' | 'info'>

/** The log as it would be if nothing had ever been taken away. */
export function whole(log: EventLog, retired: readonly Retired[]): PastLog {
  const gone = retired.map(({ message }) => message)
  return {
    hash: log.hash,
    last: (...args) => log.last(...args),
    subjects: (...args) => log.subjects(...args),
    info: (...args) => log.info(...args),
    get: async (stream, seq) =>
      gone.find((one) => one.stream === stream && one.seq === seq) ?? log.get(stream, seq),
    async *read(range, signal) {
      const { stream, subjects, fromSeq } = range
      const mine = gone.filter(
        (one) => one.stream === stream && one.seq >= fromSeq && isWanted(subjects, one.subject),
      )
      const left = await Array.fromAsync(log.read(range, signal))
      yield* [...mine, ...left].sort((a, b) => a.seq - b.seq)
    },
  }
}

const isWanted = (filters: readonly string[], subject: string): boolean =>
  filters.length === 0 ||
  filters.some((filter) =>
    filter.endsWith('>') ? subject.startsWith(filter.slice(0, -1)) : subject === filter,
  )
