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
import { firstHeld, type Partition } from '@waybill/core'
import type { Journals } from './journals.ts'

export interface Ages {
  readonly eventsMs: number
  readonly journalMs: number
  readonly mailMs: number
  readonly now: number
}

/**
 * What nobody needs any more, subject by subject: old enough, read by every app, and not the event
 * of an open dispatch; of a journal what lies before the older of its two snapshots. Whatever is in
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
  for (let slot = 0; slot < topology.slots; slot++) {
    const needs: number[] = []
    for (const app of apps) {
      const { partition } = await recover(
        { app, generation: topology.generation, slot },
        { ...journals, sliceMsMax: Infinity, signal },
      )
      needs.push(eventsNeeded(partition, names.events))
      floors.push(...(await journalFloor(journals, partition, old.journal)))
      floors.push(...(await mailFloors(journals, partition, old.mail)))
    }
    const belowSeq = Math.min(old.events, ...needs)
    if (apps.length > 0) {
      floors.push({ stream: names.events, subject: subjects(topology).events(slot), belowSeq })
    }
  }
  return floors.filter(({ belowSeq }) => belowSeq > 1)
}

/**
 * The message that the partition stands in, by which it knows the stream again when it is opened;
 * the first one that a pause holds back; or the one that an open dispatch was started by.
 */
function eventsNeeded(partition: Partition, stream: string): number {
  const { positions, dispatches } = partition
  const held = firstHeld(partition)
  let first = Math.min(positions.get(stream)?.seq ?? 1, held?.seq ?? Infinity)
  for (const { origin } of dispatches.values()) {
    if (origin.ref.stream === stream) first = Math.min(first, origin.ref.seq)
  }
  return first
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
  { app, slot, positions }: Partition,
  oldSeq: number,
): Promise<readonly RetentionFloor[]> {
  const stream = streamNames(topology).mail
  const floors: RetentionFloor[] = []
  for (const lane of lanes) {
    const readSeq = positions.get(`${stream}.${lane}`)?.seq ?? 1
    const filter = subjects(topology).mailbox(app, slot, lane)
    for (const subject of (await log.subjects(stream, filter)).keys()) {
      floors.push({ stream, subject, belowSeq: Math.min(oldSeq, readSeq) })
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
