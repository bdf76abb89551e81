import { randomUUID } from 'node:crypto'
import type { NatsConnection } from '@nats-io/nats-core'
import {
  createApiClient,
  refused,
  unavailable,
  type Answer,
  type Asked,
  type Handlers,
  type PartitionRow,
} from '@waybill/api'
import {
  encode,
  LETTER_VERSION,
  letterAnswer,
  openState,
  parseId,
  type CancelTarget,
  type Letter,
  type LetterAnswer,
} from '@waybill/core'
import type { Host, PartitionStatus } from '@waybill/engine'
import { streamNames, subjects, type EventLog, type Topology } from '@waybill/log'
import type { Health } from '@waybill/service'

export interface HandlerParts {
  readonly nc: NatsConnection
  readonly host: Host
  readonly health: Health
  readonly log: EventLog
  readonly topology: Topology
}

type Cancel = Asked<'dispatch.cancel'>

/** Longer than a partition needs to be taken over would make callers think that nobody is there. */
const answerWithinMs = 25_000

/** The dispatcher's part of the contract. */
export function createHandlers(parts: HandlerParts): Partial<Handlers> {
  const { host, health, topology } = parts
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
    'dispatch.cancel': (command) =>
      command.dryRun ? foresee(parts, command) : cancel(parts, command),
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
    ...(halted === undefined ? {} : { halted: { code: 'halted', why: halted.slice(0, 1024) } }),
  }
}

/** A letter to every partition that may be meant, and the sum of what they answer. */
async function cancel(parts: HandlerParts, command: Cancel): Promise<Answer<'dispatch.cancel'>> {
  const { log, topology } = parts
  const { target, by, reason, id = randomUUID() } = command
  const slots = slotsOf(target, topology)
  const answers = await Promise.all(
    slots.map((slot) => ask(parts, slot, { id, body: { kind: 'cancel', target, by, reason } })),
  )
  const denied = answers.find((answer) => answer.kind === 'refused')
  const done = answers.filter((answer) => answer.kind === 'cancelled')
  if (denied?.kind === 'refused' && done.length === 0) throw refused(denied.code, denied.reason)
  const { journal, ops } = streamNames(topology)
  const dispatches = done.reduce((sum, answer) => sum + answer.dispatches, 0)
  const record = { v: 1, kind: 'cancel', at: Date.now(), id, target, by, reason, dispatches }
  const { seq } = await log.send(subjects(topology).op('cancel'), encode(record))
  const { lastSeq } = await log.info(journal)
  return {
    dryRun: false,
    dispatches,
    ids: target.kind === 'dispatch' ? [target.dispatch] : [],
    more: done.some(({ more }) => more),
    asOf: { [journal]: lastSeq, [ops]: seq },
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

/** The answer comes to an inbox of our own, from whichever host leads the partition. */
async function ask(
  { nc, host }: HandlerParts,
  slot: number,
  { id, body }: Pick<Letter, 'id' | 'body'>,
): Promise<LetterAnswer> {
  const inbox = `_WAYBILL.reply.${randomUUID()}`
  const answers = nc.subscribe(inbox, { max: 1, timeout: answerWithinMs })
  const from = { kind: 'client' as const, id: 'api' }
  await host.post(slot, { v: LETTER_VERSION, id, from, body, replyTo: inbox })
  try {
    for await (const message of answers) return letterAnswer.parse(message.json())
  } catch {
    // Nobody leads it, or its host has just gone: the letter is stored and will be taken.
  }
  answers.unsubscribe()
  throw unavailable(`slot ${slot} has not answered; the command is stored and will be carried out`)
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
