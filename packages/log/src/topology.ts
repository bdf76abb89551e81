import { isToken, token } from '@waybill/core'
import { z } from 'zod'
import type { Topology } from './log.ts'

/**
 * Names of one generation: streams, buckets, subjects. The generation and its number of slots are
 * fixed for ever; re-slotting is a new generation.
 */
export const topology = z.strictObject({
  prefix: token.default('wb'),
  generation: z.int().positive().max(999_999_999).default(1),
  slots: z.int().positive().max(1024).default(16),
  replicas: z.union([z.literal(1), z.literal(3), z.literal(5)]).default(1),
})

/** One machine, one server: 4 slots use it up, and every slot costs a subject and a lease. */
export const embeddedTopology: Topology = topology.parse({ slots: 4 })

export const lanes = ['ask', 'answer'] as const
export type Lane = (typeof lanes)[number]

export interface StreamNames {
  readonly events: string
  readonly mail: string
  readonly journal: string
  readonly defs: string
  readonly ops: string
  readonly outcomes: string
  /** Key-value bucket; its stream is `KV_<bucket>`. */
  readonly leases: string
  /** Object store; its stream is `OBJ_<bucket>`. */
  readonly snapshots: string
}

export function streamNames({ prefix, generation }: Topology): StreamNames {
  const own = prefix === 'wb' ? '' : `${prefix}_`
  return {
    events: `${own}EVENTS_g${generation}`,
    mail: `${own}MAIL_g${generation}`,
    journal: `${own}JOURNAL_g${generation}`,
    defs: `${own}DEFS`,
    ops: `${own}OPS`,
    outcomes: `${own}OUTCOMES`,
    leases: `${own}LEASES`,
    snapshots: `${own}SNAPSHOTS`,
  }
}

export interface Subjects {
  readonly events: (slot: number) => string
  readonly mail: (app: string, slot: number, lane: Lane, sender: string) => string
  /** All senders of one lane. */
  readonly mailbox: (app: string, slot: number, lane: Lane) => string
  readonly def: (app: string) => string
  readonly journal: (app: string, slot: number) => string
  readonly op: (kind: string) => string
  readonly outcome: (app: string, binding: string, status: string) => string
  /** Not stored: one message per bundle for whoever watches. */
  readonly live: (app: string, slot: number) => string
  /** Not stored: dead letters that somebody should look at. */
  readonly alert: (app: string, binding: string) => string
  /** Not stored: requests to services, `api('dispatch', 'get')`. */
  readonly api: (...path: readonly string[]) => string
}

/**
 * Every part is checked, because the server takes `wb.journal.*` as a literal name and a dot in an
 * app's name would be another app's subject. Throws `RangeError`: names are checked at the doors,
 * so a wrong one here is our own bug.
 */
export function subjects(topology: Topology): Subjects {
  const { prefix, generation, slots } = topology
  const place = (slot: number): number => {
    if (Number.isInteger(slot) && slot >= 0 && slot < slots) return slot
    throw new RangeError(`slot ${slot} of ${slots}`)
  }
  return {
    events: (slot) => `${prefix}.event.${generation}.${place(slot)}`,
    mail: (app, slot, lane, sender) =>
      `${prefix}.mail.${generation}.${part(app)}.${place(slot)}.${lane}.${part(sender)}`,
    mailbox: (app, slot, lane) =>
      `${prefix}.mail.${generation}.${part(app)}.${place(slot)}.${lane}.>`,
    def: (app) => `${prefix}.def.${part(app)}`,
    journal: (app, slot) => `${prefix}.journal.${generation}.${part(app)}.${place(slot)}`,
    op: (kind) => `${prefix}.op.${part(kind)}`,
    outcome: (app, binding, status) =>
      `${prefix}.outcome.${part(app)}.${part(binding)}.${part(status)}`,
    live: (app, slot) => `${prefix}.live.${part(app)}.${place(slot)}`,
    alert: (app, binding) => `${prefix}.alert.${part(app)}.${part(binding)}`,
    api: (...path) => [prefix, 'api', ...path.map(part)].join('.'),
  }
}

/** Finds the stream that takes a subject, or undefined if none of ours does. */
export function streamRouter(topology: Topology): (subject: string) => string | undefined {
  const { prefix, generation } = topology
  const names = streamNames(topology)
  const routes: readonly (readonly [start: string, stream: string])[] = [
    [`${prefix}.journal.${generation}.`, names.journal],
    [`${prefix}.event.${generation}.`, names.events],
    [`${prefix}.mail.${generation}.`, names.mail],
    [`${prefix}.def.`, names.defs],
    [`${prefix}.op.`, names.ops],
    [`${prefix}.outcome.`, names.outcomes],
  ]
  return (subject) => routes.find(([start]) => subject.startsWith(start))?.[1]
}

/** What is set of a stream; everything else stays as the server or its operator has it. */
export interface StreamPlan {
  readonly name: string
  readonly config: Readonly<Record<string, unknown>> & { readonly subjects: readonly string[] }
}

const dayNs = 24 * 3_600_000_000_000
/** No message carries an id, so nothing has to be remembered: the least the server allows. */
const duplicateWindowNs = 100_000_000
const outcomesKeptNs = 30 * dayNs

/** Shared by all: what was stored stays, and a full stream says so instead of dropping its head. */
const base = {
  retention: 'limits',
  storage: 'file',
  discard: 'new',
  max_age: 0,
  max_msgs_per_subject: -1,
  deny_delete: true,
  deny_purge: false,
  allow_direct: true,
  duplicate_window: duplicateWindowNs,
} as const

/**
 * `max_age` is 0 wherever a compare-and-set depends on a subject's last message: once that expires
 * an expectation of the past holds again.
 */
export function streamPlans(topology: Topology): readonly StreamPlan[] {
  const { prefix, generation, slots, replicas } = topology
  const names = streamNames(topology)
  const metadata = {
    'waybill.prefix': prefix,
    'waybill.generation': String(generation),
    'waybill.slots': String(slots),
  }
  const common = { ...base, num_replicas: replicas }
  const log = (name: string, subject: string): StreamPlan => ({
    name,
    config: { ...common, subjects: [subject], metadata },
  })
  return [
    log(names.events, `${prefix}.event.${generation}.*`),
    log(names.mail, `${prefix}.mail.${generation}.*.*.*.*`),
    log(names.journal, `${prefix}.journal.${generation}.*.*`),
    { name: names.defs, config: { ...common, subjects: [`${prefix}.def.*`] } },
    { name: names.ops, config: { ...common, subjects: [`${prefix}.op.*`] } },
    {
      name: names.outcomes,
      config: {
        ...common,
        subjects: [`${prefix}.outcome.*.*.*`],
        discard: 'old',
        max_age: outcomesKeptNs,
      },
    },
    {
      name: `KV_${names.leases}`,
      config: {
        ...common,
        subjects: [`$KV.${names.leases}.>`],
        max_msgs_per_subject: 1,
        allow_rollup_hdrs: true,
        allow_msg_ttl: true,
      },
    },
    {
      name: `OBJ_${names.snapshots}`,
      config: {
        ...common,
        subjects: [`$O.${names.snapshots}.C.>`, `$O.${names.snapshots}.M.>`],
        allow_rollup_hdrs: true,
      },
    },
  ]
}

function part(text: string): string {
  if (isToken(text)) return text
  throw new RangeError(`not a subject token: ${JSON.stringify(text.slice(0, 80))}`)
}
