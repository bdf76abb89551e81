import { byOrder, patched, type Rule, type RulePatch, type Scope } from '@waybill/core'
import type { Random } from './world/random.ts'

/** Whose dispatches share a ledger: all, those of a partition key, those of one of a few keys. */
export type KeyedBy = 'all' | 'partition' | 'other'

export interface LimitOptions {
  readonly name: string
  readonly scope: Scope
  readonly rule: Rule
  readonly by: KeyedBy
}

const kinds = [
  'concurrency',
  'concurrency',
  'concurrency',
  'throttle',
  'throttle',
  'rateLimit',
  'singleton',
  'batch',
  'debounce',
] as const

/** What the bindings of a seed choose from: limits of one name are one limit. */
export function drawPool(chance: Random, second: number): LimitOptions[] {
  const pool = Array.from({ length: chance.int(2, 4) }, (_, n) => {
    const scope = chance.pick(['binding', 'binding', 'app', 'app', 'global'] as const)
    const by = chance.pick(['all', 'all', 'partition', 'other', 'other'] as const)
    return { name: `limit-${n + 1}`, scope, rule: drawRule(chance, second), by }
  })
  if (chance.chance(0.4)) pool.push(drawKey(chance))
  if (chance.chance(0.4)) pool.push(drawCircuit(chance, second))
  return pool
}

/** The policy of a key (rule 3.6): queue, interrupt or reject. */
function drawKey(chance: Random): LimitOptions {
  const rule = chance.pick([
    { kind: 'concurrency', max: 1 },
    { kind: 'singleton', mode: 'replace' },
    { kind: 'singleton', mode: 'skip' },
  ] as const)
  return { name: 'key', scope: 'binding', rule, by: chance.pick(['partition', 'other'] as const) }
}

/** Of a destination that may fail (rule 8). */
function drawCircuit(chance: Random, second: number): LimitOptions {
  const openMs = chance.int(1, 6) * second
  const rule = {
    kind: 'circuit',
    failures: chance.int(1, 3),
    ratePercent: 50,
    rateMin: chance.int(3, 10),
    windowMs: Math.min(3_600_000, 10 * second),
    openMs,
    openMaxMs: 4 * openMs,
    whenOpen: chance.chance(0.8) ? 'defer' : 'dlq',
  } as const
  const scope = chance.pick(['binding', 'app', 'global'] as const)
  return { name: 'circuit', scope, rule, by: chance.pick(['all', 'partition', 'other'] as const) }
}

function drawRule(chance: Random, second: number): Rule {
  const kind = chance.pick(kinds)
  switch (kind) {
    case 'concurrency':
      return { kind, max: chance.int(1, 3) }
    case 'throttle':
      return { kind, max: chance.int(1, 3), periodMs: chance.int(1, 5) * second }
    case 'rateLimit':
      return { kind, max: chance.int(2, 5), periodMs: chance.int(2, 15) * second }
    case 'singleton':
      return { kind, mode: chance.pick(['skip', 'replace', 'replace'] as const) }
    case 'batch':
      return {
        kind,
        size: chance.int(2, 4),
        timeoutMs: chance.int(1, 5) * second,
        ...(chance.chance(0.3) ? { bytesMax: chance.int(400, 1200) } : {}),
      }
    case 'debounce':
      return {
        kind,
        periodMs: chance.int(1, 3) * second,
        ...(chance.chance(0.5) ? { maxWaitMs: chance.int(3, 6) * second } : {}),
      }
    default:
      return kind satisfies never
  }
}

/** Some of them, in the one order in which all take theirs. */
export function choose(chance: Random, pool: readonly LimitOptions[]): LimitOptions[] {
  const chosen = pool.filter(() => chance.chance(0.55))
  return chosen.sort((a, b) => byOrder(keyed(a), keyed(b)))
}

const keyed = ({ by, ...limit }: LimitOptions) => ({ ...limit, key: by === 'all' ? undefined : by })

/** The next version says other numbers, or has another limit under the same name. */
export function redraw(
  chance: Random,
  pool: readonly LimitOptions[],
  second: number,
): LimitOptions[] {
  return pool.map((one) => {
    if (one.name === 'key' || one.name === 'circuit' || chance.chance(0.4)) return one
    if (chance.chance(0.3)) return { ...one, rule: drawRule(chance, second) }
    return { ...one, rule: patched(one.rule, drawPatch(chance, one.rule, second)) ?? one.rule }
  })
}

/** Other numbers for a rule; null takes back what was set. */
export function drawPatch(chance: Random, { kind }: Rule, second: number): RulePatch {
  if (chance.chance(0.2)) return null
  const ms = chance.int(1, 5) * second
  switch (kind) {
    case 'concurrency':
      return { max: chance.int(1, 5) }
    case 'throttle':
    case 'rateLimit':
      return chance.pick([{ max: chance.int(1, 5) }, { periodMs: ms }])
    case 'batch':
      return chance.pick([{ size: chance.int(1, 5) }, { timeoutMs: ms }])
    case 'debounce':
      return { periodMs: ms }
    case 'circuit':
      return { openMs: ms, openMaxMs: 4 * ms }
    case 'singleton':
      return null
    default:
      return kind satisfies never
  }
}
