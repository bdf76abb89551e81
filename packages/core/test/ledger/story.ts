import {
  nextDue,
  type EffectResult,
  type Fact,
  type Manifest,
  type Partition,
} from '../../src/index.ts'
import { deploy, versioned } from './apps.ts'
import {
  answer,
  app,
  createWorld,
  define,
  deliver,
  notePosted,
  send,
  sendEvent,
  siteOf,
  take,
  type Sent,
  type Site,
  type World,
} from './world.ts'

/** An app that is deployed everywhere. */
export function opened(...manifests: readonly Manifest[]): World {
  const world = createWorld()
  redeploy(world, ...manifests)
  return world
}

export function redeploy(world: World, ...manifests: readonly Manifest[]): void {
  deploy(world, versioned(world, manifests))
  spread(world)
}

/** Every partition learns of all definitions. */
export function spread(world: World): void {
  for (const site of world.sites) while (define(world, site)) continue
  calm(world)
}

/** Letters arrive and ticks are taken, until nothing moves at this time. */
export function calm(world: World): void {
  for (let round = 0; round < 1000; round++) {
    const before = steps(world)
    for (const site of world.sites) hand(world, site)
    if (steps(world) === before) return
  }
  throw new Error('it does not calm down')
}

const steps = ({ sites }: World): number =>
  sites.reduce((sum, { stepped }) => sum + stepped.length, 0)

function hand(world: World, site: Site): void {
  while (site.sending.length > 0) send(world, site, 0)
  while (site.posting.length > 0) notePosted(world, site, 0)
  for (const lane of ['answer', 'ask'] as const) while (deliver(world, site, lane)) continue
  if ((nextDue(site.partition) ?? Infinity) <= world.now) take(world, site, { kind: 'tick' })
}

/** Sends an event and returns its dispatch. */
export function begin(world: World, sent: Sent = {}): string {
  const { entry } = sendEvent(world, sent)
  calm(world)
  const started = entry.facts.find((fact) => fact.kind === 'transition' && fact.origin)
  if (started?.kind !== 'transition') throw new Error('it started nothing')
  return started.dispatch
}

export function pass(world: World, ms: number): void {
  world.now += ms
  calm(world)
}

export const ok: EffectResult = { status: 'succeeded', sent: [], ms: 1 }
export const failed: EffectResult = {
  status: 'failed',
  error: { class: 'retryable', name: 'Error', message: 'no' },
  sent: [],
  ms: 1,
}

/** The running attempt of a dispatch ends. */
export function end(world: World, dispatch: string, result: EffectResult = ok): void {
  const site = siteWith(world, dispatch)
  const at = site.pending.findLastIndex(
    (effect) => 'dispatch' in effect && effect.dispatch === dispatch,
  )
  if (at === -1) throw new Error(`${dispatch} does not run`)
  answer(world, site, at, result)
  calm(world)
}

export function siteWith(world: World, dispatch: string): Site {
  return siteOf(world, app, Number(dispatch.split('-')[1]))
}

export const factsOf = (world: World): readonly Fact[] =>
  world.sites.flatMap(({ stepped }) => stepped.flatMap(({ entry }) => entry.facts))

/** Where a dispatch is, or how it ended, in a word or two. */
export function fate(world: World, dispatch: string): string {
  const last = factsOf(world).findLast(
    (fact) => 'dispatch' in fact && fact.dispatch === dispatch && fact.kind !== 'transition',
  )
  if (last?.kind === 'dispatch.quarantined') return 'quarantined'
  const { record } = lastMove(world, dispatch)
  const { outcome, state } = record
  if (!outcome) return state
  if (outcome.status === 'skipped') return `skipped ${outcome.reason}`
  if (outcome.status === 'dlq') return `dlq ${outcome.reason}`
  return outcome.status === 'superseded' ? `superseded by ${outcome.by}` : outcome.status
}

export function lastMove(world: World, dispatch: string) {
  const last = factsOf(world).findLast(
    (fact) => fact.kind === 'transition' && fact.dispatch === dispatch,
  )
  if (last?.kind !== 'transition') throw new Error(`${dispatch} never began`)
  return last
}

/** Whoever holds something anywhere. */
export const held = ({ sites }: World): readonly string[] =>
  sites.flatMap(({ partition }) => holders(partition))

const holders = ({ ledgers }: Partition): string[] =>
  [...ledgers.values()].flatMap(({ id, holders: who }) =>
    [...who.keys()].map((key) => `${id} ${key}`),
  )
