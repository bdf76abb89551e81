import type { NatsConnection } from '@nats-io/nats-core'
import { connect, type NodeConnectionOptions } from '@nats-io/transport-node'
import { acceptEvent, encode, eventDraft, WaybillError, type EventDraft } from '@waybill/core'
import {
  createSender,
  openJetStreamLog,
  readTopology,
  sha256,
  subjects,
  type EventLog,
  type SenderLimits,
  type Topology,
} from '@waybill/log'
import { z } from 'zod'
import type { SendOptions } from './context.ts'
import { checkData, type EventDefinition } from './event.ts'

/** Where events go: a server to connect to, a connection that is open, or a log. */
export type ClientTarget =
  | {
      readonly servers: string | string[]
      /** Credentials, TLS, name: whatever the NATS client takes. */
      readonly connection?: Omit<NodeConnectionOptions, 'servers'>
    }
  | { readonly nc: NatsConnection }
  | { readonly log: EventLog; readonly topology: Topology }

export type ClientOptions = ClientTarget & {
  /** First token of every subject; default `wb`. */
  readonly prefix?: string
  /** Who sends: part of what makes an event the same event. Default `sdk`. */
  readonly source?: string
  readonly tenant?: string
  /** Schemas to check `send('type', data)` against. */
  readonly events?: readonly EventDefinition[]
  readonly limits?: Partial<SenderLimits>
  /** The clock at this door, epoch ms. */
  readonly now?: () => number
}

export interface ClientSendOptions extends SendOptions {
  /** When it happened; default now. */
  readonly time?: Date
  readonly source?: string
  readonly tenant?: string
  readonly traceparent?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** `seq`: sequence of the message that holds it in the events stream. */
export interface SentEvent {
  readonly id: string
  readonly seq: number
}

/**
 * Sends events into the log without a service between. What is sent while a message is under way
 * goes together in the next one; nothing waits for a timer.
 */
export interface Client extends AsyncDisposable {
  /**
   * Resolves when the log has the event. Without a dedupe key, equal content from one source is one
   * event.
   *
   * @throws EventRefused when the schema or the codec refuses it; nothing is sent then
   */
  send<Definition extends EventDefinition>(
    event: Definition,
    data: z.input<Definition['schema']>,
    options?: ClientSendOptions,
  ): Promise<SentEvent>
  send(type: string, data: unknown, options?: ClientSendOptions): Promise<SentEvent>
  /** Takes no more, and resolves when all that was taken is stored or has failed. */
  close(): Promise<void>
}

export class EventRefused extends WaybillError {
  override readonly name = 'EventRefused'

  constructor(type: string, why: string, options?: ErrorOptions) {
    super({ code: 'WB1004', what: `event ${type} refused: ${why}`, why }, options)
  }
}

/** @throws WaybillError WB1005 when the server has no topology under the prefix */
export async function createClient(options: ClientOptions): Promise<Client> {
  const { log, topology, release } = await openTarget(options)
  const { source = 'sdk', tenant, events = [], limits, now = Date.now } = options
  const schemas = new Map(events.map((event) => [event.type, event.schema]))
  const sender = createSender({ log, ...(limits === undefined ? {} : { limits }) })
  const { generation, slots } = topology
  const names = subjects(topology)
  let closed: Promise<void> | undefined

  async function send(
    about: string | EventDefinition,
    data: unknown,
    own: ClientSendOptions = {},
  ): Promise<SentEvent> {
    const type = typeof about === 'string' ? about : about.type
    const schema = typeof about === 'string' ? schemas.get(type) : about.schema
    const checked = schema && checkData(schema, data)
    if (checked?.ok === false) throw new EventRefused(type, checked.problem)
    const draft = draftOf({ source, tenant, ...own, type, data })
    const { id, slot, bytes } = accept(draft)
    const { seq } = await sender.send(names.events(slot), bytes)
    return { id, seq }
  }

  function accept(draft: EventDraft): { id: string; slot: number; bytes: Uint8Array } {
    try {
      const door = { hash: sha256, generation, slots, now: now() }
      const { event, slot } = acceptEvent(draft, door)
      return { id: event.id, slot, bytes: encode(event) }
    } catch (cause) {
      // Only data that is not plain can fail here; the codec's error names the place.
      throw new EventRefused(draft.type, cause instanceof Error ? cause.message : 'no data', {
        cause,
      })
    }
  }

  async function close(): Promise<void> {
    await sender.close()
    await release()
  }

  const client = { send, close: () => (closed ??= close()) }
  return { ...client, [Symbol.asyncDispose]: client.close }
}

function draftOf(given: Given): EventDraft {
  const fields = Object.entries({ ...given, time: given.time?.getTime() })
  const draft = Object.fromEntries(fields.filter(([, value]) => value !== undefined))
  const parsed = eventDraft.safeParse(draft)
  if (!parsed.success) throw new EventRefused(given.type, z.prettifyError(parsed.error))
  return parsed.data
}

interface Given extends Omit<ClientSendOptions, 'tenant'> {
  readonly type: string
  readonly data: unknown
  readonly tenant: string | undefined
}

interface OpenTarget {
  readonly log: EventLog
  readonly topology: Topology
  /** Closes what was opened here, and nothing else. */
  readonly release: () => Promise<void>
}

async function openTarget(options: ClientOptions): Promise<OpenTarget> {
  if ('log' in options) {
    return { log: options.log, topology: options.topology, release: async () => undefined }
  }
  if ('nc' in options) return openLog(options.nc, options.prefix)
  const { servers, connection, prefix } = options
  // Less than the log's own patience, so that a reconnect is not noticed.
  const patient = { maxReconnectAttempts: -1, reconnectTimeWait: 250 }
  const nc = await connect({ name: 'waybill-client', ...patient, ...connection, servers })
  try {
    const target = await openLog(nc, prefix)
    return {
      ...target,
      release: async () => {
        await target.release()
        await nc.close()
      },
    }
  } catch (cause) {
    await nc.close()
    throw cause
  }
}

async function openLog(nc: NatsConnection, prefix = 'wb'): Promise<OpenTarget> {
  const topology = await readTopology(nc, prefix)
  if (!topology) {
    throw new WaybillError({
      code: 'WB1005',
      what: 'this server has no Waybill streams',
      where: `${nc.getServer()}, prefix ${prefix}`,
      next: 'waybill topology apply',
    })
  }
  const log = await openJetStreamLog({ nc, topology, hash: sha256 })
  return { log, topology, release: async () => log[Symbol.asyncDispose]() }
}
