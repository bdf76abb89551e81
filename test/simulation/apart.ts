import type { BindingOptions, Options, Send } from './options.ts'
import { random, type Random } from './world/random.ts'

/**
 * A fifth of all seeds have child processes: handlers that kill what they run in, beside others that
 * do not. Drawn apart, on top of what the seed has without them.
 */
export function apart(options: Options): Options {
  const chance = random(`${options.seed}/apart`)
  if (!chance.chance(0.2)) return options
  const { bindings, redeploy, sends, limits } = options
  // By its name alone: a version that stays the same stays the same.
  const apply = (one: BindingOptions): BindingOptions => withChildren(chance.fork(one.id), one)
  return {
    ...options,
    children: true,
    limits: {
      ...limits,
      isolatedMax: chance.pick([1, 2, 4]),
      abortGraceMs: chance.pick([100, 2000]),
    },
    bindings: bindings.map(apply),
    redeploy: redeploy && { ...redeploy, bindings: redeploy.bindings.map(apply) },
    sends: [...sends, ...drawLethal(chance.fork('sends'), options)],
  }
}

function withChildren(chance: Random, binding: BindingOptions): BindingOptions {
  const poisonMax = chance.int(1, 3)
  const { retry } = binding
  // More often than not there are attempts enough to be poison.
  const maxAttempts = Math.max(retry.maxAttempts, chance.chance(0.7) ? poisonMax + 2 : 1)
  return { ...binding, poisonMax, isolate: chance.chance(0.3), retry: { ...retry, maxAttempts } }
}

const innocent = ['plain', 'slow', 'slow', 'fan', 'flaky', 'deaf', 'hang'] as const

/** Each with innocents beside it, of its own partition or of any. */
function drawLethal(chance: Random, { sends, faultsUntilMs: spanMs }: Options): Send[] {
  const groups = Array.from({ length: chance.int(1, 3) }, () => {
    const atMs = Math.floor(chance.between(0, spanMs * 0.8))
    const partitionKey = chance.chance(0.5) ? chance.pick(['a', 'b']) : undefined
    return ['lethal', ...Array.from({ length: chance.int(0, 3) }, () => chance.pick(innocent))].map(
      (does) => ({ atMs: atMs + chance.int(0, 300), partitionKey, does: does as Send['does'] }),
    )
  })
  return groups.flat().map((one, n) => ({
    ...one,
    n: sends.length + n,
    type: 'order.placed',
    againMs: [],
    poison: false,
  }))
}
