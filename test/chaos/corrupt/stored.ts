import { recover } from '@waybill/engine'
import { checkHistory } from '@waybill/history'
import {
  openJetStreamLog,
  openSnapshots,
  sha256,
  streamNames,
  type EventLog,
  type Topology,
} from '@waybill/log'
import { connect } from '@nats-io/transport-node'

/** The streams that decide something, by the name of their folder. */
export function mattering(topology: Topology): readonly string[] {
  const { journal, events, mail, defs } = streamNames(topology)
  return [journal, events, mail, defs]
}

/** Everything that can be read of the streams that matter: place -> what stands there. */
export type Reading = ReadonlyMap<string, string>

/** @throws whatever the server says when it cannot read */
export async function readAll(log: EventLog, topology: Topology): Promise<Reading> {
  const found = new Map<string, string>()
  for (const stream of mattering(topology)) {
    for await (const { seq, subject, at, bytes } of log.read({
      stream,
      subjects: [],
      fromSeq: 1,
    })) {
      found.set(`${stream} ${seq}`, `${subject} ${at} ${sha256.bytes(bytes)}`)
    }
  }
  return found
}

/** The first difference, in words; undefined: they are the same. */
function difference(before: Reading, after: Reading): string | undefined {
  for (const [place, what] of before) {
    const now = after.get(place)
    if (now === undefined) return `${place} is gone`
    if (now !== what) return `${place} is another`
  }
  const [added] = [...after.keys()].filter((place) => !before.has(place))
  return added === undefined ? undefined : `${added} is new`
}

/** Who noticed that something is wrong. */
export interface Noticed {
  /** What the edit did to what is read; undefined: nothing. */
  readonly changed: string | undefined
  readonly byServer: boolean
  /** A dispatcher that starts would halt a partition. */
  readonly byStart: boolean
  readonly byVerify: boolean
}

/** Reads a store through its server and asks everybody whose work it is to notice. */
export async function look(server: string, topology: Topology, before: Reading): Promise<Noticed> {
  const nc = await connect({ servers: server })
  try {
    const log = await openJetStreamLog({ nc, topology, hash: sha256 })
    const after = await settled(readAll(log, topology))
    const changed = after.failed ?? difference(before, after.value)
    const verified = await settled(checkHistory({ log, topology }))
    const { findings, open, unread } = verified.value ?? { findings: [], open: 0, unread: 0 }
    return {
      changed,
      byServer: after.failed !== undefined,
      byStart: !(await starts(log, topology, nc)),
      byVerify: verified.failed !== undefined || findings.length + open + unread > 0,
    }
  } catch (cause) {
    // A stream that is not there any more: neither a service nor `verify` gets any further.
    return { changed: String(cause), byServer: true, byStart: true, byVerify: true }
  } finally {
    await nc.close()
  }
}

async function starts(
  log: EventLog,
  topology: Topology,
  nc: Parameters<typeof openSnapshots>[0]['nc'],
): Promise<boolean> {
  await using snapshots = openSnapshots({ nc, topology, hash: sha256 })
  const ports = { log, snapshots, topology, sliceMsMax: Infinity, signal: neverAborted }
  for (let slot = 0; slot < topology.slots; slot++) {
    const id = { app: 'chaos', generation: topology.generation, slot }
    if ((await settled(recover(id, ports))).failed !== undefined) return false
  }
  return true
}

const neverAborted = new AbortController().signal

type Settled<T> = { value: T; failed: undefined } | { value: undefined; failed: string }

async function settled<T>(work: Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await work, failed: undefined }
  } catch (cause) {
    return { value: undefined, failed: String(cause) }
  }
}
