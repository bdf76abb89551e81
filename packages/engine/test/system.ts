import {
  acceptEvent,
  encode,
  type AttemptRun,
  type Definition,
  type Entry,
  type EventDraft,
  type FactOf,
  type HostedApp,
  type Manifest,
  type Plain,
  type Verdict,
  type WaybillEvent,
} from '@waybill/core'
import {
  createMemoryLeases,
  createMemoryServer,
  createMemorySnapshots,
  decodeEntry,
  embeddedTopology,
  encodeBatch,
  openMemoryLog,
  sha256,
  streamNames,
  subjects,
  walk,
  type EventLog,
  type LeaseStore,
  type MemoryFault,
  type MemoryRequest,
  type MemoryServer,
  type SnapshotStore,
  type Topology,
} from '@waybill/log'
import { binding } from '../../core/test/binding.ts'
import { deployApp } from '../src/deploy.ts'
import { createHost, type Host } from '../src/host.ts'
import type { HostOptions } from '../src/host-options.ts'
import { virtualClock, type VirtualClock } from '../src/clock.ts'

const startMs = Date.UTC(2026, 10, 21)

/** Not numbered yet: that is what a deploy does. */
export function definition(over: Partial<Definition> = {}): Definition {
  const { version: _, ...made } = binding({ id: 'ship', on: ['order.*'], ...over })
  return made
}

export type Run = (run: AttemptRun<AbortSignal>, binding: Manifest) => Promise<Plain | undefined>

export interface AppOptions {
  readonly name?: string
  readonly definitions?: readonly Definition[]
  readonly run?: Run
  readonly verdict?: (binding: Manifest, event: WaybillEvent) => Verdict['result']
  readonly judge?: HostedApp<AbortSignal>['judge']
  readonly hosts?: (hash: string) => boolean
  /** By the limit's name; the same for a limit without one is no key. */
  readonly key?: (limit: string, event: WaybillEvent) => string
  readonly module?: string
}

export function appOf(options: AppOptions = {}): HostedApp<AbortSignal> {
  const definitions = options.definitions ?? [definition()]
  return {
    name: options.name ?? 'shop',
    definitions,
    events: [],
    module: options.module,
    hosts: options.hosts ?? ((hash) => definitions.some((one) => one.hash === hash)),
    verdict: (binding, event) => ({
      binding: `${binding.id}@v${binding.version}`,
      result: options.verdict?.(binding, event) ?? 'matched',
    }),
    keys: ({ flow }, event) => ({
      ok: true,
      keys: (flow?.limits ?? []).map(({ name, key }) => key && options.key?.(name, event)),
    }),
    judge: options.judge ?? (async () => ({ matched: true })),
    run: (binding, run) => options.run?.(run, binding) ?? Promise.resolve(undefined),
  }
}

/** One server in memory, shared by any number of hosts, on one virtual clock. */
export interface System {
  readonly topology: Topology
  readonly server: MemoryServer
  readonly log: EventLog
  readonly leases: LeaseStore
  readonly snapshots: SnapshotStore
  readonly clock: VirtualClock
  readonly replies: { readonly to: string; readonly letter: string; readonly body: unknown }[]
  host(app: HostedApp<AbortSignal>, over?: Partial<HostOptions>): RunningHost
  deploy(app: HostedApp<AbortSignal>): Promise<void>
  /** Stores events, each in a message of its own, and answers their ids. */
  send(...drafts: Partial<EventDraft>[]): Promise<string[]>
  /** One message with many items for one slot, as they are. */
  sendRaw(slot: number, items: readonly Uint8Array[]): Promise<void>
  journal(app?: string): Promise<readonly Entry[]>
}

export interface RunningHost {
  readonly host: Host
  /** Drains; resolves as `run` does. */
  stop(): Promise<void>
  /** Dies: nothing is handed over. */
  crash(): void
  readonly running: Promise<void>
}

export interface SystemOptions {
  readonly slots?: number
  readonly fault?: (request: MemoryRequest) => MemoryFault | undefined
}

export function createSystem({ slots = 1, fault }: SystemOptions = {}): System {
  const clock = virtualClock(startMs)
  const topology: Topology = { ...embeddedTopology, slots }
  const server = createMemoryServer({ topology, now: clock.now })
  const open = (): EventLog =>
    openMemoryLog({
      server,
      hash: sha256,
      ...(fault ? { fault } : {}),
      pause: async (_, signal) => signal?.throwIfAborted(),
    })
  const log = openMemoryLog({ server, hash: sha256 })
  const leases = createMemoryLeases()
  const snapshots = createMemorySnapshots()
  const replies: System['replies'] = []
  let hosts = 0
  let sends = 0
  return {
    topology,
    server,
    log,
    leases,
    snapshots,
    clock,
    replies,
    host(app, over = {}) {
      const stop = new AbortController()
      const host = createHost({
        log: open(),
        leases,
        snapshots,
        topology,
        clock,
        app,
        instance: `host-${++hosts}`,
        reply: (to, letter, body) => replies.push({ to, letter, body }),
        ...over,
      })
      const running = host.run(stop.signal)
      running.catch(() => undefined)
      return {
        host,
        running,
        async stop() {
          stop.abort()
          await running
        },
        crash() {
          host.kill()
        },
      }
    },
    async deploy(app) {
      await deployApp(log, topology, app, { by: 'test', now: clock.now })
    },
    async send(...drafts) {
      const ids: string[] = []
      for (const draft of drafts.length === 0 ? [{}] : drafts) {
        const { event, slot } = acceptEvent(
          { type: 'order.placed', source: 'test', data: {}, dedupeKey: `k${++sends}`, ...draft },
          { hash: sha256, generation: topology.generation, slots, now: clock.now() },
        )
        await log.send(subjects(topology).events(slot), encodeBatch([encode(event)]))
        ids.push(event.id)
      }
      return ids
    },
    async sendRaw(slot, items) {
      await log.send(subjects(topology).events(slot), encodeBatch(items))
    },
    async journal(app = 'shop') {
      const entries: Entry[] = []
      for (let slot = 0; slot < slots; slot++) {
        const stream = streamNames(topology).journal
        const subject = subjects(topology).journal(app, slot)
        for await (const bundle of walk({ log, stream, subject })) {
          for (const bytes of bundle.entries) entries.push(decodeEntry(bytes))
        }
      }
      return entries
    },
  }
}

/** Waits for a fact. Bounded by rounds of the event loop, not by time. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; round < 20_000; round++) {
    if (await holds()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`it never came to be: ${what}`)
}

/** The same, while time passes: whenever nothing more happens by itself, to the next wake-up. */
export async function eventually(
  { clock }: Pick<System, 'clock'>,
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 24 * 3_600_000,
): Promise<void> {
  const end = clock.now() + withinMs
  for (;;) {
    for (let round = 0; round < 20; round++) {
      if (await holds()) return
      await new Promise((resolve) => setImmediate(resolve))
    }
    const next = clock.next()
    if (next === undefined || next > end) throw new Error(`it never came to be: ${what}`)
    clock.advanceTo(next)
  }
}

export const transitions = (entries: readonly Entry[]): readonly FactOf<'transition'>[] =>
  entries.flatMap(({ facts }) => facts.filter((fact) => fact.kind === 'transition'))

/** Final states by dispatch, in order; more than one is a broken promise. */
export function ends(entries: readonly Entry[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { dispatch, record } of transitions(entries)) {
    if (record.outcome === undefined) continue
    found.set(dispatch, [...(found.get(dispatch) ?? []), record.outcome.status])
  }
  return found
}

export const leading = ({ host }: RunningHost): number =>
  host.status().partitions.filter(({ state }) => state === 'leading').length

/** A log is a class; its methods on a plain object, to replace one of them. */
export function bound(log: EventLog): EventLog {
  return {
    hash: log.hash,
    messageBytesMax: log.messageBytesMax,
    send: log.send.bind(log),
    append: log.append.bind(log),
    session: log.session.bind(log),
    last: log.last.bind(log),
    get: log.get.bind(log),
    read: log.read.bind(log),
    follow: log.follow.bind(log),
    info: log.info.bind(log),
    purge: log.purge.bind(log),
    subjects: log.subjects.bind(log),
    [Symbol.asyncDispose]: log[Symbol.asyncDispose].bind(log),
  }
}
