import { randomUUID } from 'node:crypto'
import {
  createApiClient,
  refused,
  type Answer,
  type Asked,
  type Handlers,
  type Operation,
  type PartitionRow,
} from '@waybill/api'
import { openState, parseId, type CancelTarget } from '@waybill/core'
import type { PartitionStatus } from '@waybill/engine'
import { streamNames, type Topology } from '@waybill/log'
import { cancelMany } from './operate/cancel.ts'
import { discard, redrive } from './operate/dead.ts'
import { listFlow, setFlow } from './operate/flow.ts'
import { Jobs, recorded } from './operate/jobs.ts'
import { ask, audit, type HandlerParts } from './operate/parts.ts'
import { rerun } from './operate/rerun.ts'
import { listCircuits, order, setCircuit } from './operate/switches.ts'

type Cancel = Asked<'dispatch.cancel'>

/** The dispatcher's part of the contract. */
export function createHandlers(parts: HandlerParts, signal: AbortSignal): Partial<Handlers> {
  const { host, health, topology } = parts
  const jobs = new Jobs(parts, signal)
  const { journal } = streamNames(topology)
  return {
    'partition.status': ({ app }) => {
      const status = host.status()
      const mine = app === undefined || app === status.app ? status.partitions : []
      const seq = Math.max(0, ...mine.map(({ confirmed }) => confirmed.seq))
      return Promise.resolve({
        instance: status.instance,
        partitions: mine.map((one) => rowOf(status, topology, one)),
        asOf: { [journal]: seq },
      })
    },
    'event.types': () => Promise.resolve({ types: [...parts.events], asOf: {} }),
    'dispatch.cancelMany': (asked) => cancelMany(parts, jobs, asked),
    'dispatch.cancel': (command) =>
      command.dryRun ? foresee(parts, command) : cancel(parts, command),
    'binding.pause': (asked) => order(parts, 'pause', asked),
    'binding.resume': (asked) => order(parts, 'resume', asked),
    'circuit.list': (asked) => Promise.resolve(listCircuits(parts, asked)),
    'circuit.set': (asked) => setCircuit(parts, asked),
    'flow.list': (asked) => Promise.resolve(listFlow(parts, asked)),
    'flow.set': (asked) => setFlow(parts, asked),
    'dlq.redrive': (asked) => redrive(parts, jobs, asked),
    'dlq.discard': (asked) => discard(parts, jobs, asked),
    'dispatch.rerun': (asked) => rerun(parts, asked),
    async 'op.list'({ app, id, limit }) {
      const { instance } = host.status()
      const live = jobs.list(id)
      const kept = await recorded(parts, limit)
      const isMeant = (one: Operation): boolean =>
        (app === undefined || one.app === app) && (id === undefined || one.id === id)
      const others = kept
        .filter((one) => !live.some((running) => running.id === one.id))
        // Whoever runs it says so; when nobody does, its process ended before it did.
        .map((one) => (one.state === 'running' ? { ...one, state: 'interrupted' as const } : one))
      const operations = [...live, ...others].filter(isMeant).sort((a, b) => b.at - a.at)
      return { instance, operations: operations.slice(0, limit), asOf: {} }
    },
    'op.cancel': ({ id, by, reason }) =>
      Promise.resolve({
        instance: host.status().instance,
        cancelled: jobs.cancel(id, by, reason),
        asOf: {},
      }),
    async 'service.health'() {
      const report = await health.report()
      return { ...report, checks: [...report.checks], asOf: {} }
    },
  }
}

const states = {
  opening: 'opening',
  leading: 'leading',
  draining: 'handing_over',
  closed: 'handing_over',
  fenced: 'handing_over',
  halted: 'halted',
} as const satisfies Record<PartitionStatus['state'], PartitionRow['state']>

function rowOf(
  { app, instance }: { app: string; instance: string },
  { generation }: Topology,
  one: PartitionStatus,
): PartitionRow {
  const { slot, state, epoch, confirmed, stepped, open, hot, uncommitted, halted } = one
  const waiting = uncommitted > 0 ? 1 : 0
  return {
    partition: { app, generation, slot },
    state: states[state],
    owner: instance,
    epoch,
    steppedNumber: confirmed.number + waiting,
    committedNumber: confirmed.number,
    committedSeq: confirmed.seq,
    positions: Object.fromEntries(
      Object.entries(stepped).map(([name, { seq, index }]) => [name, { seq, index }]),
    ),
    open,
    running: hot,
    lagMs: Math.round(one.lagMs),
    pauses: one.pauses.map(({ binding, pause, held }) => ({
      ...(binding !== undefined && { binding }),
      ...(pause && { pause }),
      ...(held && { held: { events: held.events, bytes: held.bytes, ageMs: held.ageMs } }),
    })),
    ...(halted === undefined ? {} : { halted: { code: 'halted', why: halted.slice(0, 1024) } }),
  }
}

/** A letter to every partition that may be meant, and the sum of what they answer. */
async function cancel(parts: HandlerParts, command: Cancel): Promise<Answer<'dispatch.cancel'>> {
  const { topology } = parts
  const { target, by, reason, id = randomUUID() } = command
  const slots = slotsOf(target, topology)
  const answers = await Promise.all(
    slots.map((slot) => ask(parts, slot, { id, body: { kind: 'cancel', target, by, reason } })),
  )
  const denied = answers.find((answer) => answer.kind === 'refused')
  const done = answers.filter((answer) => answer.kind === 'cancelled')
  if (denied?.kind === 'refused' && done.length === 0) throw refused(denied.code, denied.reason)
  const dispatches = done.reduce((sum, answer) => sum + answer.dispatches, 0)
  const asOf = await audit(parts, {
    kind: 'cancel',
    id,
    app: command.app,
    by,
    reason,
    target,
    dispatches,
    filter: { ...target },
    total: dispatches,
    done: dispatches,
    state: 'done',
  })
  return {
    dryRun: false,
    dispatches,
    ids: target.kind === 'dispatch' ? [target.dispatch] : [],
    more: done.some(({ more }) => more),
    asOf,
  }
}

function slotsOf(target: CancelTarget, { slots }: Topology): number[] {
  if (target.kind === 'filter') return Array.from({ length: slots }, (_, slot) => slot)
  const id = target.kind === 'dispatch' ? target.dispatch : target.event
  const slot = parseId(id)?.slot
  if (slot === undefined || slot >= slots) {
    throw refused('not_found', `${id} belongs to no slot of this topology`)
  }
  return [slot]
}

/** What the read store knows of open dispatches that the target means. */
async function foresee(
  { nc, topology }: HandlerParts,
  { app, target }: Cancel,
): Promise<Answer<'dispatch.cancel'>> {
  const api = createApiClient(nc, { prefix: topology.prefix })
  if (target.kind === 'dispatch') {
    const { dispatch, asOf } = await api.call('dispatch.get', { id: target.dispatch })
    const { id, state } = dispatch.row
    const ids = openState.safeParse(state).success ? [id] : []
    return { dryRun: true, dispatches: ids.length, ids, more: false, asOf }
  }
  const wanted =
    target.kind === 'event'
      ? { event: target.event, state: openState.options }
      : {
          state: target.state === undefined ? openState.options : [target.state],
          ...(target.binding === undefined ? {} : { binding: target.binding }),
          ...(target.tenant === undefined ? {} : { tenant: target.tenant }),
        }
  const { dispatches, next, asOf } = await api.call('dispatch.list', { app, limit: 100, ...wanted })
  return {
    dryRun: true,
    dispatches: dispatches.length,
    ids: dispatches.map(({ id }) => id),
    more: next !== undefined,
    asOf,
  }
}
