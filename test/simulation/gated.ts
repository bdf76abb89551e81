import { labelOf, sharedApp, type RulePatch } from '@waybill/core'
import { appName } from './names.ts'
import { choose, drawPatch, drawPool, redraw, type LimitOptions } from './limits.ts'
import type { BindingOptions, Cancel, Options, Send } from './options.ts'
import { random, type Random } from './world/random.ts'

/** A limit is set while it is in force. */
export interface LimitChange {
  readonly atMs: number
  readonly app: string
  readonly limit: string
  readonly rule: RulePatch
}

/** A binding, or the whole app, is given nothing for a while. */
export interface PauseOptions {
  readonly atMs: number
  readonly untilMs: number
  readonly binding: string | undefined
}

/** What an operator asks for about an event's dispatches, and those that ran them again. */
export interface Command {
  readonly n: number
  readonly atMs: number
  readonly does: 'redrive' | 'discard' | 'rerun'
  /** The event it is about. */
  readonly of: number
  /** The same letter twice. */
  readonly twice: boolean
}

/**
 * Half of all seeds have limits, keys, redrives and reruns on top of what they had without. All of
 * it is drawn apart, so the other half is what it was before there were any.
 */
export function gated(options: Options): Options {
  const chance = random(`${options.seed}/gated`)
  if (!chance.chance(0.5)) return options
  const second = options.pace === 'days' ? 600_000 : 1000
  const pool = drawPool(chance.fork('pool'), second)
  const bindings = options.bindings.map((one) => withLimits(chance.fork(one.id), one, pool, second))
  const sends = [...options.sends, ...drawBursts(chance.fork('bursts'), options)]
  return {
    ...options,
    bindings,
    redeploy: redeployed(chance.fork('redeploy'), options.redeploy, bindings, pool, second),
    sends,
    cancels: [...options.cancels, ...drawCancels(chance.fork('cancels'), options, sends)],
    changes: drawChanges(chance.fork('changes'), options, bindings, second),
    pauses: drawPauses(chance.fork('pauses'), options),
    commands: drawCommands(chance.fork('commands'), options, sends),
  }
}

function withLimits(
  chance: Random,
  binding: BindingOptions,
  pool: readonly LimitOptions[],
  second: number,
): BindingOptions {
  const limits = choose(chance, pool)
  const scheduleToStartMs = chance.int(4, 60) * second
  const timeouts = chance.chance(0.25)
    ? { ...binding.timeouts, scheduleToStartMs }
    : binding.timeouts
  const priority = chance.pick(['critical', 'normal', 'normal', 'low'] as const)
  if (limits.length === 0) return { ...binding, timeouts, priority }
  return { ...binding, timeouts, priority, limits, holdWhileRetrying: chance.chance(0.3) }
}

/** Those that get a new version get other limits with it. */
function redeployed(
  chance: Random,
  redeploy: Options['redeploy'],
  bindings: readonly BindingOptions[],
  pool: readonly LimitOptions[],
  second: number,
): Options['redeploy'] {
  if (!redeploy) return undefined
  const next = redraw(chance, pool, second)
  const after = redeploy.bindings.map((one) => {
    const before = bindings.find(({ id }) => id === one.id) ?? one
    if (one.version === 1) return before
    const changed = { ...before, version: one.version, retry: one.retry }
    const { limits: _, ...bare } = changed
    const names = new Set(before.limits?.map(({ name }) => name))
    const same = next.filter(({ name }) => names.has(name))
    const limits = choose(chance, chance.chance(0.5) ? next : same)
    return limits.length === 0 ? bare : { ...bare, limits }
  })
  return { ...redeploy, bindings: after }
}

function drawPauses(chance: Random, { bindings, faultsUntilMs: spanMs }: Options): PauseOptions[] {
  return Array.from({ length: chance.pick([0, 0, 0, 1, 2]) }, () => {
    const atMs = Math.floor(chance.between(0, spanMs * 0.9))
    const untilMs = Math.floor(Math.min(spanMs, atMs + chance.between(1000, spanMs * 0.5)))
    return { atMs, untilMs, binding: chance.chance(0.3) ? undefined : chance.pick(bindings).id }
  })
}

const bursting = [
  'plain',
  'plain',
  'slow',
  'flaky',
  'never',
  'bad',
  'killer',
  'down',
  'down',
  'down',
] as const

/** Many at once is what limits are for. */
function drawBursts(chance: Random, { sends, faultsUntilMs: spanMs }: Options): Send[] {
  const bursts = Array.from({ length: chance.int(0, 3) }, () => ({
    atMs: Math.floor(chance.between(0, spanMs * 0.8)),
    count: chance.int(2, 7),
  }))
  return bursts
    .flatMap(({ atMs, count }) => Array<number>(count).fill(atMs))
    .map((atMs, n) => ({
      n: sends.length + n,
      atMs: atMs + chance.int(0, 1500),
      type: 'order.placed',
      does: chance.pick(bursting),
      partitionKey: chance.chance(0.6) ? chance.pick(['a', 'b']) : undefined,
      againMs: [],
      poison: false,
    }))
}

/** Of those who wait, before they are let in. */
function drawCancels(chance: Random, { cancels }: Options, sends: readonly Send[]): Cancel[] {
  return Array.from({ length: chance.int(0, 4) }, (_, n) => {
    const of = chance.int(0, sends.length - 1)
    return {
      n: cancels.length + n,
      of,
      atMs: (sends[of]?.atMs ?? 0) + chance.int(20, 6000),
      target: chance.pick(['dispatch', 'dispatch', 'event', 'filter'] as const),
      twice: chance.chance(0.2),
    }
  })
}

function drawChanges(
  chance: Random,
  { faultsUntilMs: spanMs }: Options,
  bindings: readonly BindingOptions[],
  second: number,
): LimitChange[] {
  const known = bindings.flatMap(({ id, limits = [] }) => limits.map((limit) => ({ id, limit })))
  if (known.length === 0) return []
  return Array.from({ length: chance.pick([0, 0, 1, 2, 4]) }, () => {
    const { id, limit } = chance.pick(known)
    return {
      atMs: Math.floor(chance.between(0, spanMs)),
      app: limit.scope === 'global' ? sharedApp : appName,
      limit: labelOf(id, limit),
      rule: drawPatch(chance, limit.rule, second),
    }
  })
}

function drawCommands(
  chance: Random,
  { faultsUntilMs: spanMs, pace }: Options,
  sends: readonly Send[],
): Command[] {
  const within = pace === 'days' ? spanMs : 60_000
  return Array.from({ length: chance.pick([0, 2, 4, 8]) }, (_, n) => {
    const of = chance.int(0, sends.length - 1)
    return {
      n,
      of,
      atMs: (sends[of]?.atMs ?? 0) + chance.int(500, within),
      does: chance.pick(['redrive', 'redrive', 'redrive', 'redrive', 'discard', 'rerun'] as const),
      twice: chance.chance(0.25),
    }
  })
}
