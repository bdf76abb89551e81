import { expect, test } from 'vitest'
import { keyLimit, type KeyedLimit, type Rule } from '../../src/index.ts'
import { gated, limitOn } from './apps.ts'
import { expectNothingLeft } from './drain.ts'
import { begin, calm, end, factsOf, failed, fate, held, opened, pass, siteWith } from './story.ts'
import { cancel, type World } from './world.ts'

/*
 * Flow control, rule by rule, each as a story over two partitions of an app and the shared ones.
 * Whether a ledger is here or elsewhere must make no difference: its slot is a matter of its name.
 */

const one: Rule = { kind: 'concurrency', max: 1 }
const key = (rule: Rule): KeyedLimit => limitOn(rule, { name: keyLimit, keyed: true })

test('3.4 whatever way a dispatch ends, its permits are given back, once', () => {
  const ends: Record<string, (world: World, dispatch: string) => void> = {
    succeeded: (world, dispatch) => end(world, dispatch),
    'dlq retry_exhausted': (world, dispatch) => end(world, dispatch, failed),
    cancelled: (world, dispatch) =>
      cancel(world, siteWith(world, dispatch), { kind: 'dispatch', dispatch }),
    'dlq expired': (world) => pass(world, 30 * 24 * 3_600_000),
    quarantined: (world, dispatch) => {
      world.fuse = 1
      end(world, dispatch)
    },
  }
  for (const [how, finish] of Object.entries(ends)) {
    for (const scope of ['binding', 'app', 'global'] as const) {
      const limits = [
        limitOn(one, { scope }),
        limitOn({ kind: 'singleton', mode: 'skip' }, { scope }),
      ]
      const retry = { kind: 'immediate', maxAttempts: 1, jitter: 'none' } as const
      const timeouts = {
        attemptMs: 2_592_000_000,
        scheduleToCloseMs: 2_592_000_000,
        predicateMs: 1,
        versionWaitMs: 1,
      }
      const world = opened(gated(limits, { retry, timeouts }))
      const dispatch = begin(world)
      expect(held(world)).toHaveLength(2)
      finish(world, dispatch)
      calm(world)
      expect([how, fate(world, dispatch)]).toEqual([how, how])
      expect(factsOf(world).filter(({ kind }) => kind === 'ledger.left')).toHaveLength(2)
      expectNothingLeft(world)
    }
  }
})

test('3.6 queue: events of a key are handled one after the other, in their order', () => {
  const world = opened(gated([key(one)]))
  const [a, b, c] = [
    begin(world, { key: 'x' }),
    begin(world, { key: 'x' }),
    begin(world, { key: 'x' }),
  ]
  const other = begin(world, { key: 'y' })
  expect([a, b, c, other].map((who) => fate(world, who))).toEqual([
    'attempting',
    'flowGated',
    'flowGated',
    'attempting',
  ])
  end(world, a, failed)
  expect(fate(world, b)).toBe('flowGated')
  pass(world, 1000)
  for (const who of [a, b, c]) {
    expect(fate(world, who)).toBe('attempting')
    end(world, who)
  }
  end(world, other)
  expectNothingLeft(world)
})

test('3.6 interrupt: the latest wins; the one that runs is aborted, those between are superseded', () => {
  const world = opened(gated([key({ kind: 'singleton', mode: 'replace' })]))
  const first = begin(world, { key: 'x' })
  const second = begin(world, { key: 'x' })
  const third = begin(world, { key: 'x' })
  expect(fate(world, first)).toBe(`superseded by ${second}`)
  expect(fate(world, second)).toBe(`superseded by ${third}`)
  expect(fate(world, third)).toBe('attempting')
  const aborted = siteWith(world, first).stepped.flatMap(({ entry }) => entry.effects)
  expect(aborted).toContainEqual(
    expect.objectContaining({ kind: 'abortAttempt', dispatch: first, reason: 'superseded' }),
  )
  end(world, third)
  expectNothingLeft(world)
})

test('3.6 interrupt: who comes late is superseded too, wherever the ledger is', () => {
  for (const scope of ['app', 'global'] as const) {
    for (const partitionKey of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const latest = limitOn({ kind: 'singleton', mode: 'replace' }, { name: 'latest', scope })
      const paced = limitOn({ kind: 'throttle', max: 1, periodMs: 1000 })
      const queued = gated([paced, latest], { id: 'queued', on: ['slow'] })
      const direct = gated([latest], { id: 'direct', on: ['fast'] })
      const world = opened(queued, direct)
      const first = begin(world, { type: 'slow', partitionKey })
      const late = begin(world, { type: 'slow', partitionKey })
      expect(fate(world, late)).toBe('flowGated')
      const newest = begin(world, { type: 'fast', partitionKey })
      expect(fate(world, first)).toBe(`superseded by ${newest}`)
      // It is older than the one that holds what it comes to.
      pass(world, 1000)
      expect(fate(world, late)).toBe(`superseded by ${newest}`)
      expect(fate(world, newest)).toBe('attempting')
      end(world, newest)
      expectNothingLeft(world)
    }
  }
})

test('3.6 reject: who comes while the key is busy is turned away, and told by whom', () => {
  const world = opened(gated([key({ kind: 'singleton', mode: 'skip' })]))
  const first = begin(world, { key: 'x' })
  const second = begin(world, { key: 'x' })
  expect(fate(world, second)).toMatch(
    new RegExp(`^skipped one/key/.*: key_busy \\(max 1, by ${first}\\)`),
  )
  end(world, first)
  expect(fate(world, begin(world, { key: 'x' }))).toBe('attempting')
})

test('3.7 the urgent goes first, and a low one that has waited before any that comes much later', () => {
  const urgent = (id: string, priority: 'critical' | 'low') =>
    gated([limitOn(one, { scope: 'app' })], { id, on: [id], priority })
  const world = opened(urgent('critical', 'critical'), urgent('low', 'low'))
  const first = begin(world, { type: 'low' })
  const low = begin(world, { type: 'low' })
  pass(world, 1000)
  const critical = begin(world, { type: 'critical' })
  end(world, first)
  expect([fate(world, low), fate(world, critical)]).toEqual(['flowGated', 'attempting'])
  pass(world, 181_000 - 2000)
  end(world, critical, failed)
  expect(fate(world, low)).toBe('attempting')
})

test('7.1 batch: the first one runs with all events, the others end as merged into it', () => {
  const limits = [limitOn({ kind: 'batch', size: 3, timeoutMs: 5000 }), limitOn(one)]
  const world = opened(gated(limits))
  const busy = [begin(world), begin(world), begin(world)]
  const [leader, ...members] = [begin(world), begin(world), begin(world)]
  expect(busy.map((who) => fate(world, who))[0]).toBe('attempting')
  expect(fate(world, leader ?? '')).toBe('flowGated')
  for (const member of members) expect(fate(world, member)).toContain(`batch_merged (left`)
  end(world, busy[0] ?? '')
  expect(fate(world, leader ?? '')).toBe('attempting')
  // What it stands for outlives the limits that it asks after the batch.
  const { batch } = siteWith(world, leader ?? '').partition.dispatches.get(leader ?? '') ?? {}
  expect(batch?.map(({ dispatch }) => dispatch)).toEqual([leader, ...members])
  const late = begin(world)
  end(world, leader ?? '')
  pass(world, 4999)
  expect(fate(world, late)).toBe('flowGated')
  pass(world, 1)
  expect(fate(world, late)).toBe('attempting')
  end(world, late)
  expectNothingLeft(world)
})
