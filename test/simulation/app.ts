import {
  definitionHash,
  PermanentError,
  RetryAfter,
  type AttemptRun,
  type Definition,
  type EventDraft,
  type HostedApp,
  type LimitKeys,
  type Manifest,
  type Plain,
  type Verdict,
  type WaybillEvent,
} from '@waybill/core'
import { sha256 } from '@waybill/log'
import type { EffectJournal } from './effects.ts'
import type { KeyedBy } from './limits.ts'
import { appName, startMs } from './names.ts'
import type { Behaviour, BindingOptions, Options } from './options.ts'
import type { Process } from './world/process.ts'
import { random, type Random } from './world/random.ts'

export interface AppPorts {
  readonly seed: number
  readonly process: Process
  readonly effects: EffectJournal
  /** What this process has the code of; `deployed` are those of its own version. */
  readonly hosted: readonly BindingOptions[]
  readonly deployed: readonly BindingOptions[]
  /** The handler takes its process down. */
  readonly kill: () => void
}

/** The app of a seed, as one process of it has it. What its handlers do is the seed's choice too. */
export function createApp(ports: AppPorts): HostedApp<AbortSignal> {
  const { seed, process, effects, hosted, deployed } = ports
  const definitions = deployed.map(definitionOf)
  const codes = new Set(hosted.map((one) => definitionOf(one).hash))
  const options = (binding: Manifest): BindingOptions => optionsOf(hosted, binding.id)
  return {
    name: appName,
    definitions,
    events: [],
    hosts: (hash) => codes.has(hash),
    verdict: (binding, event) => ({
      binding: `${binding.id}@v${binding.version}`,
      result: verdictOf(seed, options(binding), event.id),
    }),
    keys: (binding, event) => (codes.has(binding.hash) ? keysOf(binding, event) : undefined),
    async judge(binding, event, signal) {
      const chance = random(`${seed}/judge/${binding.id}/${event.id}/${process.name}`)
      const { predicateMs } = binding.timeouts
      await sleep(process, chance.between(1, predicateMs * 1.2), signal)
      if (chance.chance(0.1)) throw new Error('cannot tell')
      return { matched: matches(seed, binding.id, event.id) }
    },
    async run(binding, run) {
      const chance = random(`${seed}/run/${binding.id}/${run.event.id}/${run.attempt}`)
      const effect = effects.begin(run, binding, process.name)
      try {
        const { does } = run.event.data as { does: Behaviour }
        const send: Run['send'] = async (draft) => void effect.sent.push(await run.send(draft))
        const output = await behave[does]({ ...ports, run, binding, chance, send })
        effects.end(effect, 'returned')
        return output
      } catch (cause) {
        effects.end(effect, 'threw')
        throw cause
      }
    },
  }
}

export function definitionOf(binding: BindingOptions): Definition {
  const { id, on, when, retry, timeouts, onPermanentError, maxChainDepth, priority } = binding
  const { poisonMax = 3, isolate = false } = binding
  const code = sha256.text(id).slice(0, 32)
  const made = {
    v: 1 as const,
    id,
    hash: '',
    on: [on],
    ...(when === 'always'
      ? {}
      : { when: { kind: 'function' as const, code, async: when === 'later' } }),
    ...flowOf(binding),
    retry,
    timeouts,
    priority,
    tier: 'act_auto' as const,
    onPermanentError,
    maxChainDepth,
    poisonMax,
    handler: { kind: 'local' as const, code, isolate },
  }
  return { ...made, hash: definitionHash(sha256, made) }
}

function flowOf({ limits, holdWhileRetrying = false }: BindingOptions): Pick<Definition, 'flow'> {
  if (!limits) return {}
  const told = limits.map(({ by, ...limit }) => ({
    ...limit,
    ...(by === 'all' ? {} : { key: { kind: 'function' as const, code: codeOf(by), async: false } }),
  }))
  return { flow: { limits: told, holdWhileRetrying } }
}

const codeOf = (by: KeyedBy): string => sha256.text(`key by ${by}`).slice(0, 32)

/** The key of each limit, of a few that cut across the partition keys or of these themselves. */
export function keysOf({ flow }: Manifest, event: Keyed): Extract<LimitKeys, { ok: true }> {
  const keys = flow?.limits.map(({ key }) => {
    if (key?.kind !== 'function') return undefined
    if (key.code === codeOf('partition')) return event.partitionKey ?? event.id
    return `key-${Number.parseInt(sha256.text(event.id).slice(0, 6), 16) % 3}`
  })
  return { ok: true, keys: keys ?? [] }
}

type Keyed = Pick<WaybillEvent, 'id' | 'partitionKey'>

/** What a predicate says, known without running anything: the checker asks it again. */
export function verdictOf(seed: number, binding: BindingOptions, event: string): Verdict['result'] {
  if (binding.when === 'later') return 'ask'
  return binding.when === 'always' || matches(seed, binding.id, event) ? 'matched' : 'filtered'
}

export const matches = (seed: number, binding: string, event: string): boolean =>
  random(`${seed}/match/${binding}/${event}`).chance(0.7)

/** The settings under a binding's key, in the version that it names. */
export function bindingOf(
  { bindings, redeploy }: Pick<Options, 'bindings' | 'redeploy'>,
  key: string,
): BindingOptions | undefined {
  const all = [...bindings, ...(redeploy?.bindings ?? [])]
  return all.find(({ id, version }) => key === `${id}@v${version}`)
}

function optionsOf(bindings: readonly BindingOptions[], id: string): BindingOptions {
  const found = bindings.find((one) => one.id === id)
  if (!found) throw new Error(`no binding ${id}`)
  return found
}

interface Run extends AppPorts {
  readonly run: AttemptRun<AbortSignal>
  readonly binding: Manifest
  readonly chance: Random
  readonly send: (draft: EventDraft) => Promise<void>
}

const behave: { readonly [K in Behaviour]: (run: Run) => Promise<Plain | undefined> } = {
  plain: ({ process, chance }) => process.sleep(chance.between(1, 40)).then(() => 'done'),
  slow: async ({ process, chance, binding, run }) => {
    await sleep(process, binding.timeouts.attemptMs * chance.between(0.2, 0.8), run.signal)
    return undefined
  },
  flaky: async ({ process, chance, run }) => {
    await process.sleep(chance.between(0, 200))
    if (run.attempt <= 2) throw new Error('once more')
    return run.attempt
  },
  never: async ({ process }) => {
    await process.sleep(5)
    throw new Error('never')
  },
  bad: async () => {
    throw new PermanentError('never ever')
  },
  after: async ({ run }) => {
    if (run.attempt === 1) throw new RetryAfter(1500)
    return undefined
  },
  hang: ({ process, run }) => sleep(process, Infinity, run.signal),
  // Does not listen, and is through when nobody waits any more.
  deaf: ({ process, binding }) =>
    process.sleep(binding.timeouts.attemptMs * 1.1).then(() => 'late'),
  fan: async ({ process, chance, send }) => {
    for (let n = chance.int(1, 3); n > 0; n--) {
      await send({ type: 'order.sent', source: 'shop', data: { does: 'plain' } })
      await process.sleep(chance.between(0, 20))
    }
    return undefined
  },
  loop: async ({ run, send }) => {
    await send({ type: run.event.type, source: 'shop', data: run.event.data })
    return undefined
  },
  odd: async ({ chance }) => {
    // Handlers throw what they like.
    const thrown: unknown = chance.pick([null, undefined, 7, 'text', Symbol('s'), { message: 1 }])
    throw thrown
  },
  unfit: async ({ chance }) => {
    const output: unknown = chance.pick([() => 1, Number.NaN, 'x'.repeat(200_000), new Map()])
    return output as Plain
  },
  down: async ({ process, chance, seed }) => {
    await process.sleep(chance.between(0, 100))
    const ends = startMs + random(`${seed}/down`).between(5000, 60_000)
    if (process.clock.elapsed() < ends) throw new Error('nobody there')
    return undefined
  },
  killer: async ({ process, chance, run, kill }) => {
    await process.sleep(chance.between(0, 100))
    if (run.attempt === 1) kill()
    return undefined
  },
  // Of whom nobody hears any more: not even that it threw.
  lethal: async ({ process, chance, seed, run, kill }) => {
    await process.sleep(chance.between(0, 400))
    if (run.attempt > random(`${seed}/lethal/${run.event.id}`).int(1, 5)) return undefined
    kill()
    return new Promise(() => undefined)
  },
}

/** Ends early, by a throw, when the attempt is over. */
function sleep(process: Process, ms: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason)
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    if (ms === Infinity) return
    process.after(ms, () => {
      signal.removeEventListener('abort', stop)
      resolve(undefined)
    })
  })
}
