import { bindingKey, typeMatches, type Manifest, type Transition } from '@waybill/core'
import { decodeEntry, sha256 } from '@waybill/log'
import { loadApp, type App } from '@waybill/sdk'
import { CliError } from '../error.ts'
import { exit } from '../exit.ts'
import type { Difference } from '@waybill/history'
import { replaySlice, type Today } from './slice-replay.ts'
import type { Slice } from './slice.ts'

export interface Drift {
  /** Id of the binding, and the version that the dispatch began with. */
  readonly binding: string
  readonly recorded: string
  /** Whether the predicate was judged again, or the recorded verdict was kept. */
  readonly verdict: 'judged again' | 'as recorded'
  /** Transitions that were compared. */
  readonly steps: number
  readonly first: FirstDrift | undefined
}

export interface FirstDrift {
  readonly transition: number
  /** `attempting → retryWait`; absent where there is none. */
  readonly recorded: string | undefined
  readonly today: string | undefined
  readonly differences: readonly Difference[]
}

/** Runs a dispatch's recorded inputs through what the module defines for its binding today. */
export async function driftOf(slice: Slice, module: string): Promise<Drift> {
  const app = await loadApp(module)
  const origin = originOf(slice)
  const today = todayOf(slice, origin, app)
  let steps = 0
  let first: FirstDrift | undefined
  for (const { transition, replayed, differences } of replaySlice(slice, sha256, today)) {
    steps += 1
    if (differences.length === 0) continue
    first = {
      transition: transition?.index ?? replayed?.index ?? 0,
      recorded: arrow(transition),
      today: arrow(replayed),
      differences,
    }
  }
  const verdict = today.verdict ? 'judged again' : 'as recorded'
  return { binding: today.binding.id, recorded: origin.binding, verdict, steps, first }
}

const arrow = (transition: Transition | undefined): string | undefined =>
  transition && `${transition.from ?? 'nothing'} → ${transition.to}`

function originOf(slice: Slice): NonNullable<Transition['origin']> {
  for (const { role, bytes } of slice.entries) {
    if (role !== 'move') continue
    for (const fact of decodeEntry(bytes).facts) {
      if (fact.kind === 'transition' && fact.dispatch === slice.dispatch && fact.origin)
        return fact.origin
    }
  }
  throw new Error(`${slice.dispatch} without a beginning`)
}

/** The definition of today under the version of then, so that nothing but the definition differs. */
function todayOf(slice: Slice, { binding }: { binding: string }, app: App): Today {
  const at = binding.lastIndexOf('@v')
  const id = binding.slice(0, at)
  const definition = app.definitions.find((one) => one.id === id)
  if (!definition) throw gone(id, app)
  const manifest: Manifest = { ...definition, version: Number(binding.slice(at + 2)) }
  const { event } = slice
  if (!event || !covers(manifest, event.type)) return { binding: manifest }
  return {
    binding: manifest,
    verdict: { ...app.verdict(manifest, event), binding: bindingKey(manifest) },
  }
}

const covers = ({ on }: Manifest, type: string): boolean =>
  on.some((pattern) => typeMatches(pattern, type))

const gone = (id: string, app: App): CliError =>
  new CliError({
    code: 'WB4110',
    what: `the app has no binding ${id} any more`,
    where: app.module,
    why: `it has ${app.definitions.map((one) => one.id).join(', ')}`,
    next: 'its open dispatches run to their end under the version they began with',
    exitCode: exit.diverged,
  })
