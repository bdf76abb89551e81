import { createHash } from 'node:crypto'
import { changeLimit, deployApp, pauseBinding, resumeBinding } from '@waybill/engine'
import {
  createMemoryLeases,
  createMemorySnapshots,
  openMemoryLog,
  sha256,
  streamNames,
  type EventLog,
  type Stored,
  type Topology,
} from '@waybill/log'
import { createApp } from './app.ts'
import { check } from './checker/check.ts'
import type { Violation } from './checker/violation.ts'
import { EffectJournal } from './effects.ts'
import { Ingress } from './ingress.ts'
import { Instance, type Surroundings } from './instance.ts'
import { strike } from './nemesis.ts'
import { appName, startMs } from './names.ts'
import type { BindingOptions, Options } from './options.ts'
import { retireAtTimes, whole } from './retiring.ts'
import { Rest } from './settled.ts'
import { Process } from './world/process.ts'
import { random } from './world/random.ts'
import { Schedule } from './world/schedule.ts'
import { Server } from './world/server.ts'
import { Weather } from './world/weather.ts'

export interface Outcome {
  readonly options: Options
  readonly violations: readonly Violation[]
  /** Dispatches by how they ended; `open` have not. */
  readonly ends: Readonly<Record<string, number>>
  readonly acknowledged: number
  readonly virtualMs: number
  readonly steps: number
  /** How often each fault struck. */
  readonly faults: Readonly<Record<string, number>>
  /** sha-256 over every byte of every stream and every effect: one seed, one digest. */
  readonly digest: string
}

/** Virtual time in which everything must end once the faults did. */
const boundMs = { minutes: 30 * 60_000, days: 10 * 86_400_000 } as const
const lookEveryMs = { minutes: 1000, days: 600_000 } as const

/** Runs one option set to its end and checks what is left of it. */
export async function simulate(options: Options): Promise<Outcome> {
  const world = openWorld(options)
  const { schedule, server, weather } = world
  const log = openMemoryLog({ server: server.memory, hash: sha256 })
  await deploy(world, log, options.bindings)
  const instances = new Map(options.instances.map((own) => [own.name, new Instance(world, own)]))
  const ingress = new Ingress(world)
  for (const instance of instances.values()) instance.start()
  arrange(world, ingress, instances)
  retireAtTimes(world)

  const faultsEnd = startMs + options.faultsUntilMs
  await schedule.run(faultsEnd)
  let settled = false
  if (options.mode === 'liveness') {
    weather.clear()
    server.full = false
    ingress.heal()
    for (const instance of instances.values()) instance.heal()
    const rest = new Rest(world)
    const look = (): void => {
      settled = ingress.idle && rest.is(instances)
      if (!settled) schedule.after(lookEveryMs[options.pace], look)
    }
    schedule.after(lookEveryMs[options.pace], look)
    await schedule.run(faultsEnd + boundMs[options.pace], () => settled)
  }
  return conclude(world, ingress, instances, settled)
}

type World = Surroundings & { readonly options: Options }

function openWorld(options: Options): World {
  const schedule = new Schedule(startMs)
  // Three replicas: only then may a leader of the past answer.
  const topology: Topology = { prefix: 'wb', generation: 1, slots: options.slots, replicas: 3 }
  return {
    options,
    schedule,
    topology,
    server: new Server(topology, schedule),
    weather: new Weather(schedule),
    leases: createMemoryLeases(),
    snapshots: createMemorySnapshots(),
    effects: new EffectJournal(() => schedule.now),
    replies: [],
    fences: [],
    chance: random(`${options.seed}/world`),
    retired: [],
    defects: [],
  }
}

async function deploy(
  { options, topology, effects, schedule }: World,
  log: EventLog,
  deployed: readonly BindingOptions[],
): Promise<void> {
  const process = new Process(schedule, 'deploy')
  const { seed } = options
  const app = createApp({
    seed,
    process,
    effects,
    hosted: deployed,
    deployed,
    kill: () => undefined,
  })
  await deployApp(log, topology, app, { by: 'sim', now: () => Math.floor(schedule.now) })
}

/** Everything that comes from outside, each at its time. */
function arrange(world: World, ingress: Ingress, instances: ReadonlyMap<string, Instance>): void {
  const { options, schedule } = world
  for (const one of options.sends) {
    schedule.at(startMs + one.atMs, () => ingress.send(one, false))
    for (const [n, againMs] of one.againMs.entries()) {
      schedule.at(startMs + one.atMs + againMs, () => ingress.send(one, n % 2 === 1))
    }
  }
  const { redeploy } = options
  if (redeploy) {
    schedule.at(startMs + redeploy.atMs, () => {
      const log = openMemoryLog({ server: world.server.memory, hash: sha256 })
      void deploy(world, log, redeploy.bindings)
    })
    for (const [name, atMs] of Object.entries(redeploy.followAtMs)) {
      schedule.at(startMs + atMs, () => instances.get(name)?.follow())
    }
  }
  for (const one of options.cancels) schedule.at(startMs + one.atMs, () => ingress.cancel(one))
  for (const one of options.commands) schedule.at(startMs + one.atMs, () => ingress.command(one))
  const log = (): EventLog => openMemoryLog({ server: world.server.memory, hash: sha256 })
  const head = { by: 'sim', reason: 'as it is', now: () => Math.floor(schedule.now) }
  for (const { atMs, ...change } of options.changes) {
    schedule.at(startMs + atMs, () => {
      void changeLimit(log(), world.topology, { ...change, ...head })
    })
  }
  for (const { atMs, untilMs, binding } of options.pauses) {
    const order = { app: appName, binding, ...head }
    schedule.at(startMs + atMs, () => void pauseBinding(log(), world.topology, order))
    schedule.at(startMs + untilMs, () => void resumeBinding(log(), world.topology, order))
  }
  for (const fault of options.faults) {
    schedule.at(startMs + fault.atMs, () => strike(fault, { ...world, instances, ingress }))
  }
}

async function conclude(
  world: World,
  ingress: Ingress,
  instances: ReadonlyMap<string, Instance>,
  settled: boolean,
): Promise<Outcome> {
  const { options, server, schedule, effects, topology, weather } = world
  const { replies, defects, fences, retired } = world
  const left = openMemoryLog({ server: server.memory, hash: sha256 })
  const log = whole(left, retired)
  const { acknowledged } = ingress
  const hosts = [...instances.values()].flatMap((instance) => instance.hosts)
  const history = { options, startMs, log, topology, acknowledged, effects: effects.effects }
  const heard = { left, retired, replies, defects, fences, lost: server.lost, settled, hosts }
  const { violations, ends } = await check({ ...history, ...heard })
  const digest = createHash('sha256').update(JSON.stringify([effects.effects, acknowledged, ends]))
  for (const { seq, at, bytes } of everything(server)) digest.update(`${seq} ${at} `).update(bytes)
  return {
    options,
    violations,
    ends,
    acknowledged: acknowledged.length,
    virtualMs: Math.round(schedule.now - startMs),
    steps: schedule.steps,
    faults: Object.fromEntries(weather.struck),
    digest: digest.digest('hex'),
  }
}

function everything({ topology, memory }: Server): readonly Stored[] {
  const { events, mail, journal, defs } = streamNames(topology)
  return [events, mail, journal, defs].flatMap((name) => memory.stream(name).slice(() => true, 1))
}
