import { isTimeout } from './reason.ts'
import { encode } from '@waybill/core'
import {
  applyTopology,
  openJetStreamLog,
  readTopology,
  sha256,
  streamNames,
  subjects,
  TopologyMismatch,
  type EventLog,
  type Topology,
} from '@waybill/log'
import type { Connection } from '../connection.ts'
import { clip, count, duration } from '../text.ts'
import { fail, ok, warn, type Check } from './check.ts'

const nodeMin = [22, 18] as const
/** Times in the journal come from the hosts' clocks: one that is further off does not lead. */
const skewMsMax = 2000

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const fits = major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1])
  return fits
    ? ok('node', version)
    : fail('node', `${version} is too old`, `use ${nodeMin.join('.')} or newer`)
}

/** That it is new enough and has JetStream was a condition of connecting at all. */
export function checkServer({ nc, url, project }: Connection): readonly Check[] {
  const { version = 'unknown', max_payload: payload = 0, cluster } = nc.info ?? {}
  const size = `${Math.round(payload / 1024 / 1024)} MiB a message`
  const shape = cluster ? `cluster ${cluster}` : 'single server'
  return [ok('nats-server', `${version} at ${url}, ${shape}, ${size}`), checkSync(project?.sync)]
}

function checkSync(sync: 'always' | 'default' | undefined): Check {
  if (sync === 'always') return ok('sync', 'always: an acknowledged event survives a power cut')
  if (sync === 'default') {
    return warn(
      'sync',
      'default: a power cut may lose two minutes of acknowledged events',
      'waybill dev --sync always',
    )
  }
  return warn(
    'sync',
    'not visible from here; an acknowledged event is on the disk only with sync_interval: always',
    'set jetstream { sync_interval: always }, or run three replicas in different places',
  )
}

export async function checkTopology(
  { nc }: Connection,
  prefix: string,
): Promise<{ check: Check; topology: Topology | undefined }> {
  const topology = await readTopology(nc, prefix)
  if (!topology) {
    const next = 'waybill topology apply'
    return { check: fail('topology', `no streams under the prefix ${prefix}`, next), topology }
  }
  const { generation, slots, replicas } = topology
  const shape = `generation ${generation}, ${count(slots, 'slot')}, ${count(replicas, 'replica')}`
  try {
    const { created, present } = await applyTopology(nc, topology, { dryRun: true })
    const check =
      created.length === 0
        ? ok('topology', `${shape}, ${count(present.length, 'stream')}`)
        : fail(
            'topology',
            `missing: ${created.join(', ')}`,
            `waybill topology apply --slots ${slots}`,
          )
    return { check, topology }
  } catch (cause) {
    if (!(cause instanceof TopologyMismatch)) throw cause
    const [first] = cause.differences
    const what = first
      ? `${first.stream} ${first.field}: ${first.found}, wanted ${first.wanted}`
      : cause.what
    return { check: fail('topology', what, first?.next ?? 'waybill topology apply'), topology }
  }
}

export async function checkStreams(log: EventLog, topology: Topology): Promise<readonly Check[]> {
  const { events, mail, journal, defs } = streamNames(topology)
  const checks: Check[] = []
  for (const name of [events, mail, journal, defs]) {
    const { messages, bytes, firstSeq, lastSeq } = await log.info(name)
    const size = `${count(messages, 'message')}, ${(bytes / 1024 / 1024).toFixed(1)} MiB`
    checks.push(ok(name, messages === 0 ? 'empty' : `${size}, ${firstSeq} to ${lastSeq}`))
  }
  return checks
}

/** A full disk shows in no other way than by a write that is never acknowledged. */
export async function checkWrite(
  log: EventLog,
  topology: Topology,
  patienceMs: number,
): Promise<readonly Check[]> {
  const subject = subjects(topology).op('probe')
  const began = Date.now()
  const signal = AbortSignal.timeout(patienceMs)
  try {
    const body = encode({ v: 1, kind: 'probe', at: began })
    const { seq } = await log.send(subject, body, signal)
    const tookMs = Date.now() - began
    const stored = await log.get(streamNames(topology).ops, seq)
    const write = ok('write', `stored and acknowledged in ${duration(tookMs)}`)
    return stored ? [write, checkClock(stored.at - (began + tookMs / 2), tookMs)] : [write]
  } catch (cause) {
    const why = cause instanceof Error ? clip(cause.message, 200) : 'it threw something odd'
    const what = isTimeout(cause) ? `no acknowledgement within ${duration(patienceMs)}` : why
    return [fail('write', what, 'is the disk of nats-server full, or has the cluster no leader?')]
  }
}

function checkClock(skewMs: number, tookMs: number): Check {
  const said = `${duration(Math.abs(skewMs))} ${skewMs >= 0 ? 'behind' : 'ahead of'} the server's, give or take ${duration(tookMs / 2)}`
  return Math.abs(skewMs) - tookMs / 2 > skewMsMax
    ? fail('clock', said, 'set the clock (NTP): a dispatcher with this clock does not lead')
    : ok('clock', said)
}

export const openLog = ({ nc }: Connection, topology: Topology): Promise<EventLog> =>
  openJetStreamLog({ nc, topology, hash: sha256 })
