import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EffectResult, Fact, FactOf, Letter } from '../src/index.ts'
import { applyLedgerFact } from '../src/partition/ledgers.ts'
import {
  answer,
  breaches,
  command,
  createWorld,
  deliver,
  failed,
  guarded,
  keepSnapshot,
  rebuilt,
  send,
  sendEvent,
  serveFor,
  siteAt,
  spentByDeferral,
  succeeded,
  takeOver,
  tick,
  write,
  type Sent,
  type Site,
  type World,
} from './circuit-world.ts'
import { stateOf } from './state.ts'
import { tries } from './tries.ts'

type Act =
  | { readonly act: 'event'; readonly sent: Sent }
  | { readonly act: 'answer'; readonly site: number; readonly pick: number; readonly how: number }
  | { readonly act: 'wait'; readonly ms: number }
  | { readonly act: 'mail'; readonly site: number; readonly lane: 'ask' | 'answer' }
  | { readonly act: 'send'; readonly site: number }
  | { readonly act: 'tick'; readonly site: number }
  | { readonly act: 'cancel'; readonly site: number; readonly pick: number }
  | {
      readonly act: 'switch'
      readonly do: 'open' | 'close' | 'probe'
      readonly forMs?: number
      readonly wake?: boolean
    }
  | { readonly act: 'takeover'; readonly site: number; readonly fromSnapshot: boolean }
  | { readonly act: 'snapshot'; readonly site: number }

const site = fc.nat(2)
const pick = fc.nat(9)
const act = <A extends Act['act'], T extends object>(
  weight: number,
  name: A,
  of: { [K in keyof T]: fc.Arbitrary<T[K]> },
) => ({
  weight,
  arbitrary: fc.record({ act: fc.constant(name), ...of }) as unknown as fc.Arbitrary<Act>,
})

const sent = fc.record({
  tenant: fc.constantFrom('t', 't', 'u'),
  to: fc.constantFrom('a', 'a', 'b'),
  partitionKey: fc.constantFrom('a', 'b', 'c', 'd'),
})

const acts = fc.array(
  fc.oneof(
    act(12, 'event', { sent }),
    act(14, 'answer', { site, pick, how: fc.nat(9) }),
    act(6, 'wait', { ms: fc.constantFrom(1, 250, 1000, 2000, 5000, 20_000, 3_600_000) }),
    act(10, 'mail', { site, lane: fc.constantFrom('ask', 'answer') }),
    act(10, 'send', { site }),
    act(12, 'tick', { site }),
    act(1, 'cancel', { site, pick }),
    act(1, 'switch', {
      do: fc.constantFrom('open', 'close', 'probe'),
      forMs: fc.constantFrom(3000, 30_000),
      wake: fc.boolean(),
    }),
    act(1, 'takeover', { site, fromSnapshot: fc.boolean() }),
    act(1, 'snapshot', { site }),
  ),
  { maxLength: 300, size: 'max' },
)

const results: readonly EffectResult[] = [
  failed('retryable'),
  failed('retryable'),
  failed('retryable'),
  failed('timeout'),
  failed('permanent'),
  failed('rate_limited'),
  { status: 'killed', reason: 'SIGKILL' },
  { status: 'parked' },
  succeeded,
  succeeded,
]

const by = { by: 'op', reason: 'test' }

function perform(world: World, one: Act): void {
  if (one.act === 'event') sendEvent(world, one.sent)
  else if (one.act === 'wait') world.now += one.ms
  else if (one.act === 'switch') {
    const { forMs, wake } = one
    const how = { ...(forMs !== undefined && { forMs }), ...(wake !== undefined && { wake }) }
    command(world, { do: one.do, ...by, ...how })
  } else host(world, one)
}

function host(world: World, one: Extract<Act, { site: number }>): void {
  const at = siteAt(world, one.site)
  switch (one.act) {
    case 'answer': {
      const result = results[one.how]
      if (result) answer(world, at, one.pick % Math.max(1, at.running.length), result)
      return
    }
    case 'cancel': {
      const open = [...at.partition.dispatches.keys()]
      const dispatch = open[one.pick % Math.max(1, open.length)]
      if (dispatch === undefined) return
      write(world, at, { kind: 'cancel', target: { kind: 'dispatch', dispatch }, ...by })
      return
    }
    case 'mail':
      deliver(world, at, one.lane)
      return
    case 'send':
      send(world, at)
      return
    case 'tick':
      tick(world, at)
      return
    case 'takeover':
      return takeOver(world, at, one.fromSnapshot)
    case 'snapshot':
      return keepSnapshot(at)
    default:
      return one satisfies never
  }
}

const rules = fc.record({
  failures: fc.constantFrom(2, 3, 5),
  ratePercent: fc.constantFrom(30, 50, 100),
  rateMin: fc.constantFrom(3, 10),
  windowMs: fc.constantFrom(1000, 60_000),
  openMs: fc.constantFrom(500, 5000, 60_000),
  openMaxMs: fc.constantFrom(60_000, 600_000),
  whenOpen: fc.constantFrom('defer' as const, 'defer' as const, 'dlq' as const),
})

const max = fc.option(fc.constantFrom(1, 2), { nil: undefined })

/** What nobody will ever give back. */
const leftovers = ({ sites }: World): readonly unknown[] =>
  sites.flatMap(({ partition }) => [
    ...[...partition.dispatches.values()].map(({ id, record }) => `${id} is ${record.state}`),
    ...[...partition.ledgers.values()].flatMap(({ holders }) => [...holders.keys()]),
    ...partition.voided,
    ...partition.backlog,
    ...[...partition.outbox.values()].flatMap(({ queued }): { letter: Letter }[] => [...queued]),
  ])

/** Makes all moves of circuits that it ever made once more, and takes them back. */
function takeBack({ partition, stepped }: Site): void {
  const undo: (() => void)[] = []
  for (const { entry } of stepped) {
    for (const fact of entry.facts) {
      if (isMove(fact)) undo.push(applyLedgerFact(partition, fact, entry.at))
    }
  }
  for (const back of undo.toReversed()) back()
}

const isMove = (fact: Fact): fact is FactOf<'ledger.told' | 'ledger.switched' | 'ledger.viewed'> =>
  fact.kind === 'ledger.told' || fact.kind === 'ledger.switched' || fact.kind === 'ledger.viewed'

test('8 whatever happens in whatever order, circuits keep their laws', () => {
  fc.assert(
    fc.property(rules, max, acts, (rule, permits, script) => {
      const one = permits !== undefined && {
        name: 'one',
        scope: 'binding' as const,
        rule: { kind: 'concurrency' as const, max: permits },
      }
      const retry = { kind: 'fixed', delayMs: 700, maxAttempts: 4, jitter: 'full' } as const
      const world = createWorld([guarded(rule, { retry }, ...(one ? [one] : []))], 3)
      for (const each of script) perform(world, each)
      for (const at of world.sites) {
        const state = stateOf(at.partition)
        expect(stateOf(rebuilt(at, false))).toBe(state)
        expect(stateOf(rebuilt(at, true))).toBe(state)
      }
      for (const at of world.sites) {
        const state = stateOf(at.partition)
        takeBack(at)
        expect(stateOf(at.partition)).toBe(state)
      }
      // Destinations are well again, and operators leave them alone.
      for (const to of ['a', 'b']) command(world, { do: 'close', ...by }, { to })
      serveFor(world, 30 * 24 * 3_600_000, () => succeeded)
      expect(leftovers(world)).toEqual([])
      expect(world.sites.flatMap(breaches)).toEqual([])
      expect(spentByDeferral(world)).toEqual([])
    }),
    { ...tries(300), endOnFailure: true },
  )
}, 120_000)
