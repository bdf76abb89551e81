import { LETTER_VERSION, parseId } from '@waybill/core'
import { createHost, deployApp, virtualClock, type Host, type VirtualClock } from '@waybill/engine'
import {
  createMemoryLeases,
  createMemoryServer,
  createMemorySnapshots,
  decodeEntry,
  openMemoryLog,
  sha256,
  streamNames,
  topology,
  type MemoryServer,
} from '@waybill/log'
import type { z } from 'zod'
import { defineApp, type App } from '../app.ts'
import type { Binding } from '../binding.ts'
import { createClient, type Client, type ClientSendOptions } from '../client.ts'
import { durationMs, type Duration } from '../define/duration.ts'
import type { EventDefinition } from '../event.ts'
import {
  createDispatches,
  type Dispatches,
  type TestDispatch,
  type TestEvent,
  type TestTransition,
} from './dispatches.ts'
import { replayJournal } from './replay.ts'
import { createSettle } from './settle.ts'

export type TestBedOptions = (
  | { readonly app: App }
  | { readonly bindings: readonly Binding[]; readonly name?: string }
) & {
  /** What the bed's clock shows at first; default 2026-01-01T00:00:00Z. */
  readonly start?: Date
  /** Real time for handlers that wait on something real (a timer, a socket); default 1 s. */
  readonly patience?: Duration
}

/**
 * An app with the engine that runs it in production, over a log in memory and a clock that stands
 * still. Whatever can be asked of it has settled when a call resolves.
 */
export interface TestBed extends AsyncDisposable {
  readonly now: Date
  /** Sends an event; answers the dispatches it started, as they stand once nothing moves. */
  send<Definition extends EventDefinition>(
    event: Definition,
    data: z.input<Definition['schema']>,
    options?: ClientSendOptions,
  ): Promise<readonly TestDispatch[]>
  send(type: string, data: unknown, options?: ClientSendOptions): Promise<readonly TestDispatch[]>
  /** Lets time pass: what is due on the way happens in order, each at its own time. */
  advance(by: Duration): Promise<void>
  cancel(dispatch: TestDispatch, reason?: string): Promise<void>
  /** Every event that was taken, with each binding's verdict on it. */
  events(): readonly TestEvent[]
  /** Why inputs were put aside instead of taken: a defect, or an event that is not what it says. */
  quarantined(): readonly string[]
  dispatches(): readonly TestDispatch[]
  deadLetters(): readonly TestDispatch[]
  history(dispatch: TestDispatch): readonly TestTransition[]
  /** Recorded entries, as canonical bytes; without the epochs, which tell about the host. */
  journal(): readonly Uint8Array[]
  /** Decides everything recorded again. @throws ReplayDiverged at the first different byte */
  replay(): { readonly entries: number }
  close(): Promise<void>
}

/** One partition, and a server with nobody else on it. */
const plan = topology.parse({ slots: 1 })
const never = 100 * 365 * 24 * 3_600_000

export async function createTestBed(options: TestBedOptions): Promise<TestBed> {
  const app = 'app' in options ? options.app : defineApp({ name: 'test', ...bindingsOf(options) })
  const bed = await open(inline(app), options)
  const { clock, client, host, dispatches, journal, settle } = bed
  const id = { app: app.name, generation: plan.generation, slot: 0 }
  let letters = 0

  async function send(about: string | EventDefinition, data: unknown, own?: ClientSendOptions) {
    const { id: event } = await client.send(about as string, data, own) // or the other overload
    await settle()
    return dispatches.all.filter((dispatch) => dispatch.event === event)
  }

  async function advance(by: Duration): Promise<void> {
    const ms = durationMs(by)
    if (ms === undefined) throw new RangeError(`${JSON.stringify(by)} is no duration`)
    const target = clock.now() + ms
    for (let next = clock.next(); next !== undefined && next <= target; next = clock.next()) {
      clock.advanceTo(next)
      await settle()
    }
    clock.advanceTo(target)
    await settle()
  }

  async function cancel({ id: dispatch }: TestDispatch, reason = 'cancelled by the test') {
    letters += 1
    await host.post(parseId(dispatch)?.slot ?? 0, {
      v: LETTER_VERSION,
      id: `letter-${letters}`,
      from: { kind: 'client', id: 'test' },
      body: { kind: 'cancel', target: { kind: 'dispatch', dispatch }, by: 'test', reason },
    })
    await settle()
  }

  return {
    get now() {
      return new Date(clock.now())
    },
    send,
    advance,
    cancel,
    events: () => [...dispatches.events],
    quarantined: () => [...dispatches.quarantined],
    dispatches: () => dispatches.all,
    deadLetters: () => dispatches.all.filter(({ state }) => state === 'dlq'),
    history: (dispatch) => dispatches.history(dispatch.id),
    journal: () => journal.filter((bytes) => decodeEntry(bytes).input.kind !== 'epoch'),
    replay() {
      replayJournal(id, journal)
      return { entries: journal.length }
    },
    close: bed.close,
    [Symbol.asyncDispose]: bed.close,
  }
}

interface OpenBed {
  readonly clock: VirtualClock
  readonly client: Client
  readonly host: Host
  readonly dispatches: Dispatches
  readonly journal: readonly Uint8Array[]
  readonly settle: () => Promise<void>
  readonly close: () => Promise<void>
}

async function open(app: App, { start, patience = '1s' }: TestBedOptions): Promise<OpenBed> {
  const clock = virtualClock((start ?? new Date('2026-01-01T00:00:00Z')).getTime())
  const server = createMemoryServer({ topology: plan, now: () => clock.now() })
  const log = openMemoryLog({ server, hash: sha256 })
  const dispatches = createDispatches()
  const journal: Uint8Array[] = []
  await deployApp(log, plan, app, { by: 'test', now: () => clock.now() })
  const host = createHost({
    log,
    app,
    clock,
    topology: plan,
    leases: createMemoryLeases(),
    snapshots: createMemorySnapshots(),
    instance: 'test',
    // Nobody else is there to take over, so no virtual hour is spent on renewing leases.
    limits: { leaseMs: never, renewEveryMs: never },
    reply: () => undefined,
    onCommitted: ({ entries }) => {
      for (const bytes of entries) {
        journal.push(bytes)
        dispatches.record(decodeEntry(bytes))
      }
    },
  })
  const stop = new AbortController()
  const running = host.run(stop.signal)
  const progress = (): string => progressOf(server, host)
  const settle = createSettle(host, running, progress, durationMs(patience) ?? 0)
  const client = await createClient({ log, topology: plan, source: 'test', now: () => clock.now() })
  await settle()
  return { clock, client, host, dispatches, journal, settle, close }

  async function close(): Promise<void> {
    await client.close()
    host.kill()
    stop.abort()
    await running.catch(() => undefined)
    await log[Symbol.asyncDispose]()
  }
}

/** In a test all code runs where it can be looked at, also what asks for a process of its own. */
function inline(app: App): App {
  const definitions = app.definitions.map((definition) => ({
    ...definition,
    handler: { ...definition.handler, isolate: false },
  }))
  return { ...app, definitions }
}

/** Changes whenever anything happened. */
function progressOf(server: MemoryServer, host: Host): string {
  const { events, mail, journal } = streamNames(plan)
  const stored = [events, mail, journal].map((name) => server.stream(name).info().lastSeq)
  const { room, partitions } = host.status()
  const states = partitions.map(({ state, stepped }) => [state, stepped])
  return JSON.stringify([stored, room, states])
}

function bindingsOf(options: TestBedOptions): { name?: string; bindings: readonly Binding[] } {
  if (!('bindings' in options)) throw new TypeError('a test bed needs an app or bindings')
  const { bindings, name } = options
  return { bindings, ...(name === undefined ? {} : { name }) }
}
