import type { Definition } from '@waybill/core'
import type { HostLimits } from '@waybill/engine'
import { apart } from './apart.ts'
import { drawFaults, type Fault } from './faults.ts'
import { gated, type Command, type LimitChange, type PauseOptions } from './gated.ts'
import type { LimitOptions } from './limits.ts'
import { retiring, type Retiring } from './retiring.ts'
import { random, type Random } from './world/random.ts'

/**
 * All that a seed decides before anything runs. What happens then depends on nothing else, so the
 * printed set is the whole of a failure.
 */
export interface Options {
  readonly seed: number
  /** Safety: faults to the end. Liveness: they end, and then everything must end. */
  readonly mode: 'safety' | 'liveness'
  /** Minutes with production's leases, or days with long ones: for what is forgotten after a day. */
  readonly pace: 'minutes' | 'days'
  readonly slots: number
  readonly instances: readonly InstanceOptions[]
  readonly limits: Partial<HostLimits>
  /** How long a reader may hold a message in its hand; 0 = not at all. */
  readonly handMs: number
  readonly bindings: readonly BindingOptions[]
  readonly redeploy: Redeploy | undefined
  readonly sends: readonly Send[]
  readonly cancels: readonly Cancel[]
  readonly changes: readonly LimitChange[]
  readonly pauses: readonly PauseOptions[]
  readonly commands: readonly Command[]
  /** Hosts have child processes for what must run alone. */
  readonly children?: boolean
  readonly retirings?: readonly Retiring[]
  readonly faults: readonly Fault[]
  /** From the start of the run. */
  readonly faultsUntilMs: number
}

export interface InstanceOptions {
  readonly name: string
  readonly skewMs: number
  readonly locked: boolean
}

/** The app in its next version: the deploy, and how long each instance takes to follow. */
export interface Redeploy {
  readonly atMs: number
  readonly bindings: readonly BindingOptions[]
  /** By instance; before the deploy or after it. */
  readonly followAtMs: Readonly<Record<string, number>>
  /** The new code still has the old versions. */
  readonly keepsOld: boolean
}

export interface BindingOptions {
  readonly id: string
  /** 1 at first; the next deploy makes it 2 where something changed. */
  readonly version: number
  readonly on: string
  readonly when: 'always' | 'now' | 'later'
  readonly retry: Definition['retry']
  readonly timeouts: Definition['timeouts']
  readonly onPermanentError: Definition['onPermanentError']
  readonly maxChainDepth: number
  readonly priority: Definition['priority']
  readonly limits?: readonly LimitOptions[]
  readonly holdWhileRetrying?: boolean
  readonly poisonMax?: number
  /** Every attempt runs in a child process. */
  readonly isolate?: boolean
}

/** What a handler does with an event: to add one, a name here and a line in `behaviours`. */
export const behaviours = [
  'plain',
  'slow',
  'flaky',
  'never',
  'bad',
  'after',
  'hang',
  'deaf',
  'fan',
  'loop',
  'odd',
  'unfit',
  'killer',
] as const
/** `down`: its destination fails for a while, whoever asks it; `lethal`: kills what it runs in. */
export type Behaviour = (typeof behaviours)[number] | 'down' | 'lethal'

export interface Send {
  readonly n: number
  readonly atMs: number
  readonly type: string
  readonly does: Behaviour
  /** Undefined: a key of its own slot. */
  readonly partitionKey: string | undefined
  /** When the same event is sent again; every second time with other content. */
  readonly againMs: readonly number[]
  /** Bytes that are no event. */
  readonly poison: boolean
}

export interface Cancel {
  readonly n: number
  readonly atMs: number
  readonly target: 'dispatch' | 'event' | 'filter'
  /** The event it is about. */
  readonly of: number
  /** The same letter twice. */
  readonly twice: boolean
}

const hourMs = 3_600_000

export function drawOptions(seed: number): Options {
  const chance = random(seed)
  const pace = chance.chance(0.06) ? 'days' : 'minutes'
  const spanMs = pace === 'days' ? 60 * hourMs : chance.int(40_000, 100_000)
  const slots = chance.int(1, 3)
  const instances = drawInstances(chance.fork('instances'))
  const bindings = drawBindings(chance.fork('bindings'), pace)
  const sends = drawSends(chance.fork('sends'), spanMs, pace)
  const plain = gated({
    seed,
    mode: chance.chance(0.6) ? 'liveness' : 'safety',
    pace,
    slots,
    instances,
    limits: drawLimits(chance.fork('limits'), pace),
    handMs: chance.fork('hand').pick([0, 0, 300, 3000]),
    bindings,
    redeploy: drawRedeploy(chance.fork('redeploy'), bindings, instances, spanMs),
    sends,
    cancels: drawCancels(chance.fork('cancels'), sends, spanMs),
    changes: [],
    pauses: [],
    commands: [],
    faults: drawFaults(chance.fork('faults'), spanMs, instances, pace),
    faultsUntilMs: spanMs,
  })
  return retiring(apart(plain))
}

function drawInstances(chance: Random): InstanceOptions[] {
  return Array.from({ length: chance.pick([1, 2, 2, 2, 3]) }, (_, n) => ({
    name: `host-${n + 1}`,
    skewMs: chance.int(-900, 900),
    locked: chance.chance(0.3),
  }))
}

function drawLimits(chance: Random, pace: Options['pace']): Partial<HostLimits> {
  return {
    hotMax: chance.pick([1, 2, 4, 256]),
    uncommittedEntriesMax: chance.pick([4, 32, 8192]),
    bundleBytesMax: chance.pick([281_000, 292_000, 4 * 1024 * 1024]),
    readAheadMessages: chance.pick([1, 3, 512]),
    payloadBytesMax: chance.pick([0, 700, 8 * 1024 * 1024]),
    checkpointEntries: chance.chance(0.2) ? chance.int(15, 60) : 200_000,
    drainGraceMs: chance.pick([500, 5000, 30_000]),
    // Real time is not looked at in a simulation.
    sliceMsMax: Number.MAX_SAFE_INTEGER,
    ...(pace === 'days'
      ? { leaseMs: 2 * hourMs, renewEveryMs: hourMs / 2, checkpointEveryMs: 24 * hourMs }
      : {}),
  }
}

function drawBindings(chance: Random, pace: Options['pace']): BindingOptions[] {
  const second = pace === 'days' ? 600_000 : 1000
  return Array.from({ length: chance.int(1, 3) }, (_, n) => ({
    id: `binding-${n + 1}`,
    version: 1,
    on: chance.pick(['order.*', '>', 'order.placed', '*.placed', 'order.*']),
    when: chance.pick(['always', 'always', 'now', 'later']),
    retry: drawRetry(chance, second),
    timeouts: {
      attemptMs: chance.int(2, 8) * second,
      scheduleToCloseMs: chance.int(60, 240) * second,
      predicateMs: chance.int(1, 4) * second,
      versionWaitMs: 30 * second,
    },
    onPermanentError: chance.pick(['dlq', 'fail']),
    maxChainDepth: chance.int(1, 3),
    priority: 'normal',
  }))
}

/** Some bindings with other settings: the same events, another definition. */
function drawRedeploy(
  chance: Random,
  bindings: readonly BindingOptions[],
  instances: readonly InstanceOptions[],
  spanMs: number,
): Redeploy | undefined {
  if (!chance.chance(0.2)) return undefined
  const atMs = Math.floor(chance.between(spanMs * 0.2, spanMs * 0.8))
  const changed = bindings.map((binding) => {
    if (!chance.chance(0.6)) return binding
    const maxAttempts = binding.retry.maxAttempts + 1
    return { ...binding, version: 2, retry: { ...binding.retry, maxAttempts } }
  })
  const follow = (): number => Math.max(0, Math.floor(atMs + chance.between(-5000, 30_000)))
  return {
    atMs,
    bindings: changed,
    followAtMs: Object.fromEntries(instances.map(({ name }) => [name, follow()])),
    keepsOld: chance.chance(0.5),
  }
}

function drawRetry(chance: Random, second: number): Definition['retry'] {
  const maxAttempts = chance.int(1, 5)
  const jitter = chance.pick(['full', 'none'] as const)
  switch (chance.int(0, 3)) {
    case 0:
      return { kind: 'fixed', delayMs: chance.int(0, 5) * second, maxAttempts, jitter }
    case 1:
      return { kind: 'immediate', maxAttempts, jitter }
    case 2:
      return { kind: 'linear', stepMs: second, capMs: 4 * second, maxAttempts, jitter }
    default:
      return {
        kind: 'exponential',
        baseMs: second,
        factor: 2,
        capMs: 8 * second,
        maxAttempts,
        jitter,
      }
  }
}

function drawSends(chance: Random, spanMs: number, pace: Options['pace']): Send[] {
  const usual: readonly Behaviour[] = ['plain', 'plain', 'plain', 'slow', 'flaky', 'fan']
  return Array.from({ length: chance.int(4, 16) }, (_, n) => ({
    n,
    // Bursts: what comes in one breath shares messages and bundles.
    atMs: Math.floor(chance.chance(0.4) ? spanMs * 0.1 : chance.between(0, spanMs * 0.9)),
    type: chance.pick(['order.placed', 'order.paid', 'stock.placed', 'order.placed']),
    does: chance.chance(0.6) ? chance.pick(usual) : chance.pick(behaviours),
    partitionKey: chance.chance(0.3) ? chance.pick(['a', 'b']) : undefined,
    againMs: drawAgain(chance, pace),
    poison: chance.chance(0.06),
  }))
}

function drawAgain(chance: Random, pace: Options['pace']): number[] {
  if (!chance.chance(0.25)) return []
  const within = pace === 'days' ? 20 * hourMs : 30_000
  const again = [chance.int(0, within)]
  if (pace === 'days') again.push(chance.int(26, 40) * hourMs)
  return again
}

/** Soon after the event, when what it started is still under way, or late, when it has ended. */
function drawCancels(chance: Random, sends: readonly Send[], spanMs: number): Cancel[] {
  return Array.from({ length: chance.pick([0, 1, 2, 4]) }, (_, n) => {
    const of = chance.int(0, sends.length - 1)
    const soon = (sends[of]?.atMs ?? 0) + chance.int(5, 3000)
    return {
      n,
      of,
      atMs: chance.chance(0.8) ? soon : Math.floor(chance.between(spanMs * 0.1, spanMs)),
      target: chance.pick(['dispatch', 'event', 'filter'] as const),
      twice: chance.chance(0.3),
    }
  })
}
