import type { HostedApp } from '@waybill/core'
import { createHost, ledgersOnly, type EngineLogger, type Host } from '@waybill/engine'
import type { Fence, Reply } from '@waybill/history'
import { LogFault, type LeaseStore, type SnapshotStore, type Topology } from '@waybill/log'
import { createApp } from './app.ts'
import type { EffectJournal } from './effects.ts'
import type { BindingOptions, InstanceOptions, Options } from './options.ts'
import type { Retired } from './retiring.ts'
import { simulatedChildren } from './world/child.ts'
import { SimulatedLog } from './world/log.ts'
import { Network } from './world/network.ts'
import { Process } from './world/process.ts'
import { random, type Random } from './world/random.ts'
import type { Schedule } from './world/schedule.ts'
import type { Server } from './world/server.ts'
import { simulatedLeases, simulatedSnapshots } from './world/stores.ts'
import type { Weather } from './world/weather.ts'

export interface Surroundings {
  readonly options: Options
  readonly schedule: Schedule
  readonly server: Server
  readonly weather: Weather
  readonly topology: Topology
  readonly leases: LeaseStore
  readonly snapshots: SnapshotStore
  readonly effects: EffectJournal
  readonly replies: Reply[]
  readonly fences: Fence[]
  readonly chance: Random
  readonly retired: Retired[]
  /** What no process may end with. */
  readonly defects: string[]
}

interface Running {
  /** Of the app, and of the ledgers that all apps share, where it has such limits. */
  readonly hosts: readonly Host[]
  readonly process: Process
  readonly network: Network
  readonly stop: AbortController
}

const restartMs = 2000

/** A name under which a dispatcher runs again and again, as under a supervisor. */
export class Instance {
  readonly name: string
  readonly #world: Surroundings
  readonly #own: InstanceOptions
  readonly #running = new Set<Running>()
  #starts = 0
  #skewMs: number
  #follows = false
  /** Down on purpose until then. */
  #downUntil = 0

  constructor(world: Surroundings, own: InstanceOptions) {
    this.name = own.name
    this.#world = world
    this.#own = own
    this.#skewMs = own.skewMs
  }

  get hosts(): readonly Host[] {
    return [...this.#running].flatMap(({ hosts }) => hosts)
  }
  get locked(): boolean {
    return this.#own.locked
  }

  /** A lock file lets no second one of the name start. */
  start(): void {
    const { options, schedule, server, weather, topology, effects, replies, chance } = this.#world
    const incarnation = `${this.name}-${++this.#starts}`
    const process = new Process(schedule, this.name, this.#skewMs)
    const network = new Network(
      schedule,
      weather,
      process,
      chance.fork(incarnation),
      options.handMs,
    )
    const { limits, seed } = options
    const stop = new AbortController()
    const common = {
      log: new SimulatedLog(server, network),
      leases: simulatedLeases(this.#world.leases, network),
      snapshots: simulatedSnapshots(this.#world.snapshots, network),
      topology,
      instance: this.name,
      locked: this.locked,
      incarnation,
      clock: process.clock,
      limits,
      serverNow: () =>
        network.ask('log', 'time', () => Math.floor(schedule.now), { patienceMs: 15_000 }),
      reply: (_: string, letter: string, body: unknown) =>
        replies.push({ letter, body, at: schedule.now }),
    }
    const code = this.#code()
    const load = (own: Process, kill: () => void): HostedApp<AbortSignal> =>
      createApp({ seed, process: own, effects, ...code, kill })
    const app = load(process, () => this.#kill(running))
    const children = { name: incarnation, schedule, parent: process, load }
    const spawn = simulatedChildren({
      ...children,
      chance: random(`${seed}/${incarnation}/children`),
    })
    const hosts = [app, ...(hasGlobal(options) ? [ledgersOnly] : [])].map((one) =>
      createHost({
        ...common,
        app: one,
        logger: this.#listen(one.name, incarnation),
        ...(options.children && { spawn }),
      }),
    )
    const running: Running = { hosts, process, network, stop }
    this.#running.add(running)
    Promise.all(hosts.map((host) => host.run(stop.signal))).then(
      () => this.#exited(running, undefined),
      (cause: unknown) => this.#exited(running, cause),
    )
  }

  /** Its next start brings the new version; so it is started again. */
  follow(): void {
    this.#follows = true
    this.drain(0)
  }

  #code(): { hosted: readonly BindingOptions[]; deployed: readonly BindingOptions[] } {
    const { bindings, redeploy } = this.#world.options
    if (!redeploy || !this.#follows) return { hosted: bindings, deployed: bindings }
    const deployed = redeploy.bindings
    return { deployed, hosted: redeploy.keepsOld ? [...bindings, ...deployed] : deployed }
  }

  crash(downMs: number): void {
    for (const { process } of this.#running) process.die()
    this.#running.clear()
    this.#startIn(downMs)
  }

  drain(downMs: number): void {
    this.#downUntil = this.#world.schedule.now + downMs
    for (const { stop } of this.#running) stop.abort()
  }

  freeze(): void {
    for (const { process } of this.#running) process.freeze()
  }
  thaw(): void {
    for (const { process } of this.#running) process.thaw()
  }

  skew(byMs: number): void {
    this.#skewMs = this.#own.skewMs + byMs
    for (const { process } of this.#running) process.skewMs = this.#skewMs
  }

  cutReaders(): void {
    for (const { network } of this.#running) network.cutReaders()
  }

  /** A second process, unless a lock file forbids it. */
  double(): void {
    if (!this.locked && this.#running.size === 1) this.start()
  }

  /** One of the two is gone again. */
  single(): void {
    const [, ...others] = this.#running
    for (const other of others) this.#remove(other)
  }

  /** It runs, as an operator wants it to in the end. */
  heal(): void {
    this.#downUntil = 0
    this.skew(0)
    this.thaw()
    this.single()
    if (this.#running.size === 0) this.start()
  }

  /** A handler took its own process down. */
  #kill(running: Running): void {
    if (!this.#running.has(running)) return
    this.#remove(running)
    this.#startIn(restartMs)
  }

  #remove(running: Running): void {
    running.process.die()
    this.#running.delete(running)
  }

  /** What a host says of itself that nobody can see from outside. */
  #listen(app: string, incarnation: string): EngineLogger {
    const nothing = (): void => undefined
    const warn = (fields: object, message: string): void => {
      if (message !== 'fenced' || !('slot' in fields) || !('lastSeq' in fields)) return
      const { slot, lastSeq } = fields
      this.#world.fences.push({ incarnation, app, slot: Number(slot), lastSeq: Number(lastSeq) })
    }
    return { debug: nothing, info: nothing, warn, error: nothing }
  }

  #exited(running: Running, cause: unknown): void {
    if (!this.#running.has(running)) return
    this.#remove(running)
    if (cause !== undefined && !mayEnd(cause)) this.#world.defects.push(textOf(this.name, cause))
    this.#startIn(Math.max(restartMs, this.#downUntil - this.#world.schedule.now))
  }

  #startIn(ms: number): void {
    this.#world.schedule.after(ms, () => {
      if (this.#running.size === 0) this.start()
    })
  }
}

const hasGlobal = ({ bindings, redeploy }: Options): boolean =>
  [...bindings, ...(redeploy?.bindings ?? [])].some(({ limits = [] }) =>
    limits.some(({ scope }) => scope === 'global'),
  )

/** Two of one name, or a log that could not be reached: reasons to end, and to be started again. */
function mayEnd(cause: unknown): boolean {
  if (cause instanceof LogFault) return cause.kind === 'retryable'
  return cause instanceof Error && cause.name === 'DuplicateInstance'
}

const textOf = (name: string, cause: unknown): string =>
  `${name} ended: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`
