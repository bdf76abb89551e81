import type { Effect, EffectOf, EffectResult, Manifest, Transition } from '../../src/index.ts'
import { beginEpoch, binding, createWorld, deploy, type World } from './world.ts'

export function ready(over: Partial<Manifest> = {}): World {
  const world = createWorld()
  deploy(world, [binding(over)])
  beginEpoch(world)
  return world
}

const transitions = (world: World): Transition[] =>
  world.stepped.flatMap(({ entry }) => entry.facts).filter((fact) => fact.kind === 'transition')

export const path = (world: World): string[] => transitions(world).map(({ to }) => to)

export const last = (world: World): Transition => {
  const found = transitions(world).at(-1)
  if (!found) throw new Error('no transition')
  return found
}

export function attempt(world: World): EffectOf<'runAttempt'> {
  const running = world.pending.findLast((one: Effect) => one.kind === 'runAttempt')
  if (running?.kind !== 'runAttempt') throw new Error('nothing runs')
  return running
}

export const ok: EffectResult = { status: 'succeeded', sent: [], ms: 1 }
export type Failure = Extract<EffectResult, { status: 'failed' }>
export const failed = (error: Partial<Failure['error']> = {}): Failure => ({
  status: 'failed',
  error: { class: 'retryable', name: 'Error', message: 'no', ...error },
  sent: [],
  ms: 1,
})
