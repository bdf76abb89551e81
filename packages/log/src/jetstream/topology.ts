import type { NatsConnection } from '@nats-io/nats-core'
import { z } from 'zod'
import { TopologyMismatch, type TopologyDifference } from '../fault.ts'
import type { Topology } from '../log.ts'
import {
  streamNames,
  streamPlans,
  topology as topologySchema,
  type StreamPlan,
} from '../topology.ts'
import { ask, call, faultOf, serverCodes, type ApiLimits } from './api.ts'
import { jetStreamLimits } from './limits.ts'
import { Link } from './link.ts'

export interface AppliedTopology {
  readonly created: readonly string[]
  /** They were there, and as they should be. */
  readonly present: readonly string[]
  readonly dryRun: boolean
}

/**
 * Creates the streams that are missing. Whatever is there and different is told in one
 * `TopologyMismatch`, and then nothing at all is changed.
 */
export async function applyTopology(
  nc: NatsConnection,
  topology: Topology,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<AppliedTopology> {
  return withLink(nc, async (link) => {
    const found = await look(link, streamPlans(topology))
    const missing = found.filter(({ config }) => config === undefined).map(({ plan }) => plan)
    if (!dryRun) for (const plan of missing) await create(link, plan)
    const created = missing.map(({ name }) => name)
    const present = found.map(({ plan }) => plan.name).filter((name) => !created.includes(name))
    return { created, present, dryRun }
  })
}

/** A topology as a service is given it: without a generation and its slots, what the streams record. */
export interface GivenTopology {
  readonly prefix: string
  readonly generation?: number | undefined
  readonly slots?: number | undefined
}

/** Undefined: it is not given, and there are no streams that say it. */
export async function settleTopology(
  nc: NatsConnection,
  { prefix, generation, slots }: GivenTopology,
): Promise<Topology | undefined> {
  return generation !== undefined && slots !== undefined
    ? topologySchema.parse({ prefix, generation, slots })
    : readTopology(nc, prefix)
}

/** The newest generation under a prefix, as its streams record it; undefined: there is none. */
export async function readTopology(
  nc: NatsConnection,
  prefix: string,
): Promise<Topology | undefined> {
  return withLink(nc, async (link) => {
    const subject = `${prefix}.journal.>`
    const { streams } = await ask(link, limits, 'STREAM.NAMES', { subject }, namesPage)
    const found: Topology[] = []
    for (const name of streams ?? []) {
      const topology = recordedIn(await configOf(link, name))
      if (topology?.prefix === prefix) found.push(topology)
    }
    return found.sort((a, b) => a.generation - b.generation).at(-1)
  })
}

/** Asks one stream that every process needs anyway, so no more rights are needed for it. */
export async function checkSlots(link: Link, within: ApiLimits, topology: Topology): Promise<void> {
  const { events } = streamNames(topology)
  const plan = streamPlans(topology).find(({ name }) => name === events)
  if (!plan) throw new TypeError('a topology without events')
  const found = await configOf(link, events, within)
  if (!found) throw new TopologyMismatch([missing(events)])
  const differences = compare(plan, found).filter(({ field }) => field.startsWith('metadata.'))
  if (differences.length > 0) throw new TopologyMismatch(differences)
}

const limits = jetStreamLimits
const config = z.record(z.string(), z.unknown())
type Config = z.infer<typeof config>
const info = z.object({ config })
const namesPage = z.object({ streams: z.array(z.string()).nullable() })

async function withLink<T>(nc: NatsConnection, use: (link: Link) => Promise<T>): Promise<T> {
  const link = new Link(nc)
  try {
    return await use(link)
  } finally {
    link.close()
  }
}

async function look(
  link: Link,
  plans: readonly StreamPlan[],
): Promise<{ plan: StreamPlan; config: Config | undefined }[]> {
  const found = await Promise.all(
    plans.map(async (plan) => ({ plan, config: await configOf(link, plan.name) })),
  )
  const differences = found.flatMap(({ plan, config }) => (config ? compare(plan, config) : []))
  if (differences.length > 0) throw new TopologyMismatch(differences)
  return found
}

async function configOf(
  link: Link,
  stream: string,
  within: ApiLimits = limits,
): Promise<Config | undefined> {
  const answer = await call(link, within, `STREAM.INFO.${stream}`, undefined, info)
  if (answer.ok) return answer.value.config
  if (answer.error.err_code === serverCodes.streamNotFound) return undefined
  throw faultOf(stream, answer.error)
}

async function create(link: Link, plan: StreamPlan): Promise<void> {
  const body = { name: plan.name, ...plan.config }
  const answer = await call(link, limits, `STREAM.CREATE.${plan.name}`, body, info)
  if (answer.ok) return
  // Somebody made it meanwhile, or a try of ours of which nobody heard: in another way it is refused.
  const [made] =
    answer.error.err_code === serverCodes.streamNameInUse ? await look(link, [plan]) : []
  if (made?.config === undefined) throw faultOf(plan.name, answer.error)
}

function compare({ name, config: wanted }: StreamPlan, found: Config): TopologyDifference[] {
  const fields = Object.entries(flat(wanted))
  const has = flat(found)
  return fields.flatMap(([field, value]) => {
    const other = has[field] ?? absent[typeof value]
    if (text(other) === text(value)) return []
    return [
      { stream: name, field, wanted: text(value), found: text(other), next: next(field, other) },
    ]
  })
}

/** The server leaves out what is zero or false. */
const absent: Readonly<Record<string, unknown>> = { number: 0, boolean: false }

const flat = ({ metadata, ...rest }: Config): Config => ({
  ...rest,
  ...Object.fromEntries(
    Object.entries((metadata ?? {}) as Record<string, unknown>).map(([key, value]) => [
      `metadata.${key}`,
      value,
    ]),
  ),
})

function text(value: unknown): string {
  if (Array.isArray(value)) return JSON.stringify(value.map(String).sort())
  return value === undefined ? 'nothing' : JSON.stringify(value)
}

function next(field: string, found: unknown): string {
  if (field === 'metadata.waybill.slots') {
    return `a generation keeps its number of slots: set slots to ${String(found)}`
  }
  if (field.startsWith('metadata.'))
    return 'this stream is another installation’s: change the prefix'
  if (field === 'num_replicas') {
    return `set replicas to ${String(found)}, or change it with \`nats stream edit\``
  }
  return 'change it back with `nats stream edit`, or change the prefix'
}

const missing = (stream: string): TopologyDifference => ({
  stream,
  field: 'stream',
  wanted: 'one',
  found: 'nothing',
  next: 'run `waybill topology apply`',
})

const recorded = z.object({
  num_replicas: z.number(),
  metadata: z.object({
    'waybill.prefix': z.string(),
    'waybill.generation': z.coerce.number(),
    'waybill.slots': z.coerce.number(),
  }),
})

function recordedIn(found: Config | undefined): Topology | undefined {
  const { success, data } = recorded.safeParse(found)
  if (!success) return undefined
  const { metadata } = data
  return topologySchema.parse({
    prefix: metadata['waybill.prefix'],
    generation: metadata['waybill.generation'],
    slots: metadata['waybill.slots'],
    replicas: data.num_replicas,
  })
}
