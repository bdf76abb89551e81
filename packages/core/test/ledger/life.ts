import fc from 'fast-check'
import { nextDue, type EffectResult, type Manifest, type RulePatch } from '../../src/index.ts'
import { anyApp, anyPatch, deploy, labelsOf, setLimit, versioned } from './apps.ts'
import {
  answer,
  cancel,
  createWorld,
  define,
  deliver,
  notePosted,
  placesOf,
  send,
  sendEvent,
  take,
  type Sent,
  type Site,
  type World,
} from './world.ts'
import { keepSnapshot, takeOver } from './takeover.ts'

/** Whatever may happen to an app and its ledgers, in any order. */
export type Act =
  | { readonly act: 'event'; readonly sent: Sent }
  | { readonly act: 'answer'; readonly pick: number; readonly how: number }
  | { readonly act: 'wait'; readonly ms: number }
  | {
      readonly act: 'mail'
      readonly site: number
      readonly lane: 'ask' | 'answer'
      readonly count: number
    }
  | { readonly act: 'send'; readonly site: number; readonly pick: number }
  | { readonly act: 'posted'; readonly site: number; readonly pick: number }
  | { readonly act: 'tick'; readonly site: number }
  | { readonly act: 'cancel'; readonly site: number; readonly pick: number; readonly many: boolean }
  | { readonly act: 'deploy'; readonly manifests: readonly Manifest[] }
  | { readonly act: 'limit'; readonly pick: number; readonly patch: RulePatch }
  | { readonly act: 'define'; readonly site: number }
  | { readonly act: 'takeover'; readonly site: number; readonly fromSnapshot: boolean }
  | { readonly act: 'snapshot'; readonly site: number }
  | { readonly act: 'fuse'; readonly after: number }

const site = fc.nat(3)
const pick = fc.nat(7)

/** Mostly an event of its own. */
const fresh = Array.from({ length: 20 }, () => undefined)

const sent: fc.Arbitrary<Sent> = fc.record(
  {
    type: fc.constantFrom('sale', 'return'),
    tenant: fc.constantFrom('t', 'u'),
    key: fc.constantFrom('a', 'b'),
    partitionKey: fc.constantFrom('a', 'b'),
    bytes: fc.constantFrom(40, 90, 120),
    verdict: fc.constantFrom('matched', 'matched', 'matched', 'ask', 'filtered'),
    blind: fc.constantFrom(false, false, false, true),
    dedupeKey: fc.constantFrom(...fresh, 'x', 'y'),
  },
  { requiredKeys: ['type', 'tenant', 'key', 'verdict'] },
)

type Fields<A extends Act['act']> = Omit<Extract<Act, { act: A }>, 'act'>

const act = <A extends Act['act']>(
  weight: number,
  name: A,
  fields: { [K in keyof Fields<A>]: fc.Arbitrary<Fields<A>[K]> },
) => ({
  weight,
  // The fields are those of the act of this name.
  arbitrary: fc.record(fields).map((of) => ({ act: name, ...of }) as unknown as Act),
})

/** How much happens that hosts do, beside what senders and operators do. */
export const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof(
    act(10, 'event', { sent }),
    act(8, 'answer', { pick, how: fc.nat(9) }),
    act(5, 'wait', { ms: fc.constantFrom(0, 1, 499, 500, 1000, 5000, 31_000, 3_600_000) }),
    act(9, 'mail', {
      site,
      lane: fc.constantFrom('ask', 'answer'),
      count: fc.constantFrom(1, 2, 9),
    }),
    act(9, 'send', { site, pick }),
    act(5, 'posted', { site, pick }),
    act(5, 'tick', { site }),
    act(2, 'cancel', { site, pick, many: fc.boolean() }),
    act(1, 'deploy', { manifests: anyApp }),
    act(2, 'limit', { pick, patch: anyPatch }),
    act(2, 'define', { site }),
    act(2, 'takeover', { site, fromSnapshot: fc.boolean() }),
    act(1, 'snapshot', { site }),
    act(1, 'fuse', { after: fc.constantFrom(1, 1, 2) }),
  ),
  { maxLength: 120, size: 'max' },
)

const results: readonly EffectResult[] = [
  { status: 'succeeded', sent: [], ms: 3 },
  { status: 'succeeded', sent: [], ms: 3 },
  { status: 'succeeded', sent: [], ms: 3 },
  fails('retryable'),
  fails('retryable'),
  fails('permanent'),
  { status: 'killed', reason: 'SIGKILL' },
  { status: 'parked' },
  { status: 'unhosted' },
  { status: 'judged', matched: true, ms: 1 },
]

function fails(of: 'retryable' | 'permanent'): EffectResult {
  const error = { class: of, name: 'Error', message: 'no' }
  return { status: 'failed', error, sent: [], ms: 2 }
}

export function live(manifests: readonly Manifest[], script: readonly Act[]): World {
  const world = createWorld()
  deploy(world, versioned(world, manifests))
  for (const one of world.sites) define(world, one)
  for (const one of script) perform(world, one)
  world.fuse = undefined
  return world
}

function perform(world: World, one: Act): void {
  switch (one.act) {
    case 'event':
      sendEvent(world, {
        ...one.sent,
        blind: one.sent.blind === true && one.sent.verdict === 'ask',
      })
      return
    case 'wait':
      world.now += one.ms
      return
    case 'answer':
      return answerOne(world, one.pick, one.how)
    case 'cancel':
      return cancelSome(world, siteAt(world, one.site), one.pick, one.many)
    case 'deploy':
      return deploy(world, versioned(world, one.manifests))
    case 'limit': {
      const labels = (world.defs.at(-1)?.kind === 'deploy' ? activeOf(world) : []).flatMap(labelsOf)
      const label = labels[one.pick % Math.max(1, labels.length)]
      if (label !== undefined) setLimit(world, label, one.patch)
      return
    }
    case 'fuse':
      world.fuse = one.after
      return
    case 'mail':
    case 'send':
    case 'posted':
    case 'tick':
    case 'define':
    case 'takeover':
    case 'snapshot':
      return host(world, siteAt(world, one.site), one)
    default:
      return one satisfies never
  }
}

const siteAt = ({ sites }: World, index: number): Site => sites[index % sites.length] as Site // not empty

function activeOf({ defs }: World): readonly Manifest[] {
  const last = defs.findLast((one) => one.kind === 'deploy')
  return last?.kind === 'deploy' ? last.manifests : []
}

type Hosted = Extract<Act, { site: number }>

function host(world: World, at: Site, one: Exclude<Hosted, { act: 'cancel' }>): void {
  switch (one.act) {
    case 'mail':
      for (let count = 0; count < one.count; count++) deliver(world, at, one.lane)
      return
    case 'send':
      return send(world, at, one.pick % Math.max(1, at.sending.length))
    case 'posted':
      return notePosted(world, at, one.pick % Math.max(1, at.posting.length))
    case 'tick':
      if ((nextDue(at.partition) ?? Infinity) <= world.now) take(world, at, { kind: 'tick' })
      return
    case 'define':
      world.fuse = undefined
      define(world, at)
      return
    case 'takeover':
      world.fuse = undefined
      return takeOver(world, at, one.fromSnapshot)
    case 'snapshot':
      return keepSnapshot(at)
    default:
      return one satisfies never
  }
}

function answerOne(world: World, which: number, how: number): void {
  const busy = world.sites.filter(({ pending }) => pending.length > 0)
  const at = busy[which % Math.max(1, busy.length)]
  if (!at) return
  const index = which % at.pending.length
  const effect = at.pending[index]
  const dispatch =
    effect && 'dispatch' in effect ? at.partition.dispatches.get(effect.dispatch) : undefined
  const asks = effect?.kind === 'evaluatePredicate'
  const result = asks
    ? judged(dispatch && manifestIn(at, dispatch.origin.binding), how)
    : results[how]
  if (result) answer(world, at, index, result)
}

const manifestIn = ({ partition }: Site, key: string) => partition.manifests.get(key)

/** Sometimes only the judge can tell the keys. */
function judged(manifest: Manifest | undefined, how: number): EffectResult {
  const limits = manifest?.flow && how % 2 === 0 ? placesOf(manifest, { key: 'b' }) : undefined
  return { status: 'judged', matched: how < 7, ms: 1, ...(limits && { limits }) }
}

function cancelSome(world: World, at: Site, which: number, many: boolean): void {
  const open = [...at.partition.dispatches.keys()]
  const dispatch = open[which % Math.max(1, open.length)]
  if (many) cancel(world, at, { kind: 'filter', binding: 'one', ...(which > 3 && { tenant: 't' }) })
  else if (dispatch !== undefined) cancel(world, at, { kind: 'dispatch', dispatch })
}
