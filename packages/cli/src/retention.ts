import { recover } from '@waybill/engine'
import { deployedApps } from '@waybill/history'
import {
  decodeBundle,
  lanes,
  streamNames,
  subjects,
  type EventLog,
  type RetentionFloor,
} from '@waybill/log'
import { firstHeld, parseId, type Dispatch, type Partition } from '@waybill/core'
import type { Journals } from './journals.ts'

export interface Ages {
  readonly eventsMs: number
  readonly journalMs: number
  readonly mailMs: number
  readonly now: number
}

/**
 * What nobody needs any more, subject by subject: old enough, read by every app, and not the event
 * of an open dispatch or of a dead letter that may be redriven; of a journal what lies before the older of its two snapshots. Whatever is in
 * doubt stays.
 */
export async function retentionFloors(
  journals: Journals,
  ages: Ages,
  signal: AbortSignal,
): Promise<readonly RetentionFloor[]> {
  const { log, topology } = journals
  const names = streamNames(topology)
  const apps = await deployedApps(journals)
  const old = {
    events: await firstSince(log, names.events, ages.now - ages.eventsMs),
    journal: await firstSince(log, names.journal, ages.now - ages.journalMs),
    mail: await firstSince(log, names.mail, ages.now - ages.mailMs),
  }
  const floors: RetentionFloor[] = []
  const needs = Array<number>(topology.slots).fill(Infinity)
  for (let slot = 0; slot < topology.slots; slot++) {
    for (const app of apps) {
      const { partition } = await recover(
        { app, generation: topology.generation, slot },
        { ...journals, sliceMsMax: Infinity, signal },
      )
      for (const { of, seq } of eventsNeeded(partition, names.events)) {
        needs[of] = Math.min(needs[of] ?? Infinity, seq)
      }
      floors.push(...(await journalFloor(journals, partition, old.journal)))
      floors.push(...(await mailFloors(journals, partition, old.mail)))
    }
  }
  for (const [slot, need] of needs.entries()) {
    if (apps.length === 0) break
    const belowSeq = Math.min(old.events, need)
    floors.push({ stream: names.events, subject: subjects(topology).events(slot), belowSeq })
  }
  return floors.filter(({ belowSeq }) => belowSeq > 1)
}

/**
 * The message that the partition stands in, by which it knows the stream again when it is opened;
 * the first one that a pause holds back; or the one that an open dispatch was started by, or one
 * that died and may be run again.
 * A batch has members of other partitions too, which ended when they were merged into it.
 */
function* eventsNeeded(partition: Partition, stream: string): Generator<Need> {
  const { positions, slot } = partition
  yield { of: slot, seq: positions.get(stream)?.seq ?? 1 }
  yield { of: slot, seq: firstHeld(partition)?.seq ?? Infinity }
  for (const { origin, batch = [] } of needing(partition)) {
    if (origin.ref.stream === stream) yield { of: slot, seq: origin.ref.seq }
    for (const { dispatch, order } of batch) {
      yield { of: slotOf(dispatch), seq: order[0] }
    }
  }
}

/** Open dispatches, and dead ones of which nobody has decided yet. */
function* needing({ dispatches, dead }: Partition): Generator<Pick<Dispatch, 'origin' | 'batch'>> {
  yield* dispatches.values()
  for (const { origin, batch, as, discarded } of dead.values()) {
    if (origin && as === undefined && !discarded) yield { origin, batch }
  }
}

function slotOf(dispatch: string): number {
  const parsed = parseId(dispatch)
  if (!parsed) throw new RangeError(`${dispatch} is no dispatch`)
  return parsed.slot
}

/** The first sequence that is needed of a slot. */
interface Need {
  readonly of: number
  readonly seq: number
}

/** A snapshot may turn out to be damaged: the one before it, and all since, stay. */
async function journalFloor(
  { log, topology }: Journals,
  { app, slot, checkpoint }: Partition,
  oldSeq: number,
): Promise<readonly RetentionFloor[]> {
  const stream = streamNames(topology).journal
  const subject = subjects(topology).journal(app, slot)
  const stored = checkpoint && (await log.get(stream, checkpoint.position))
  const older = stored && decodeBundle(log.hash, stored.bytes).header.checkpoint
  return older ? [{ stream, subject, belowSeq: Math.min(oldSeq, older.position) }] : []
}

async function mailFloors(
  { log, topology }: Journals,
  partition: Partition,
  oldSeq: number,
): Promise<readonly RetentionFloor[]> {
  const { app, slot, positions } = partition
  const stream = streamNames(topology).mail
  // An event that was edited for a redrive lies in the letter that asked for it.
  const edited = (lane: string): readonly number[] =>
    [...needing(partition)]
      .filter(({ origin }) => origin.ref.stream === `${stream}.${lane}`)
      .map(({ origin }) => origin.ref.seq)
  const floors: RetentionFloor[] = []
  for (const lane of lanes) {
    const readSeq = positions.get(`${stream}.${lane}`)?.seq ?? 1
    const belowSeq = Math.min(oldSeq, readSeq, ...edited(lane))
    const filter = subjects(topology).mailbox(app, slot, lane)
    for (const subject of (await log.subjects(stream, filter)).keys()) {
      floors.push({ stream, subject, belowSeq })
    }
  }
  return floors
}

/** The first sequence stored at or after a time; streams are in the order of their times. */
async function firstSince(log: EventLog, stream: string, at: number): Promise<number> {
  const { firstSeq, lastSeq } = await log.info(stream)
  let from = firstSeq
  let to = lastSeq + 1
  while (from < to) {
    const middle = Math.floor((from + to) / 2)
    const stored = await firstFrom(log, stream, middle)
    if (stored === undefined || stored.at >= at) to = middle
    else from = stored.seq + 1
  }
  return from
}

async function firstFrom(
  log: EventLog,
  stream: string,
  fromSeq: number,
): Promise<{ seq: number; at: number } | undefined> {
  for await (const { seq, at } of log.read({ stream, subjects: [], fromSeq })) return { seq, at }
  return undefined
}
