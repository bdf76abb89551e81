import { createRequire } from 'node:module'
import { createTestBed, type TestBed } from '@waybill/sdk/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { app } from '../src/index.ts'

// The payloads belong to the tests of the whole; this package's own users never install them.
const require = createRequire(new URL('../../../test/package.json', import.meta.url))
const payload = z.looseObject({ action: z.string().optional() })
const examples = z
  .array(z.object({ name: z.string(), examples: z.array(payload) }))
  .parse(require('@octokit/webhooks-examples'))

/** Named as the ingress names them. */
const deliveries = examples.flatMap(({ name, examples: payloads }) =>
  payloads.map((data, at) => ({
    type: data.action === undefined ? `github.${name}` : `github.${name}.${data.action}`,
    data,
    dedupeKey: `${name}-${at}`,
  })),
)

test('all 329 real payloads fit the schemas of their types', () => {
  expect(deliveries).toHaveLength(329)
  const wrong = deliveries.flatMap(({ type, data }) => {
    const registered = app.events.find((one) => one.type === type)
    const problem = registered?.check(data as Parameters<typeof registered.check>[0])
    return problem === undefined ? [] : [`${type}: ${problem}`]
  })
  expect(wrong).toEqual([])
})

test('every type that is registered for GitHub is one that GitHub sends', () => {
  const sent = new Set(deliveries.map(({ type }) => type))
  const registered = app.events.map(({ type }) => type).filter((type) => type.startsWith('github.'))
  expect(registered.filter((type) => !sent.has(type))).toEqual([])
})

let t: TestBed
beforeAll(async () => {
  t = await createTestBed({ app })
  await Promise.all(
    deliveries.map(({ type, data, dedupeKey }) => t.send(type, data, { dedupeKey })),
  )
  await t.advance('1d')
})
afterAll(() => t.close())

test('what becomes of all of them', () => {
  const counts: Record<string, Record<string, number>> = {}
  for (const { binding, state, outcome } of t.dispatches()) {
    const end = outcome?.status === 'dlq' ? `dlq ${outcome.reason}` : state
    const ends = (counts[binding] ??= {})
    ends[end] = (ends[end] ?? 0) + 1
  }
  expect(counts).toEqual({
    'label-issue': { succeeded: 4 },
    'announce-label': { succeeded: 4 },
    'summarise-push': { succeeded: 2 },
    'request-review': { succeeded: 7, skipped: 3 },
    'mirror-release': { succeeded: 5 },
    'file-alert': { 'dlq retry_exhausted': 4 },
    'rotate-key': { 'dlq permanent': 2 },
    'collect-artifacts': { succeeded: 3 },
    archive: { succeeded: 329 },
  })
  expect(t.quarantined()).toEqual([])
})

test('the flaky one succeeds at its third attempt', () => {
  const mirrored = t.dispatches().filter(({ binding }) => binding === 'mirror-release')
  expect(mirrored.map(({ attempts }) => attempts)).toEqual(mirrored.map(() => 3))
})

test('a filter that said no says which clause, and a predicate why', () => {
  const pushes = t.events().filter(({ type }) => type === 'github.push')
  const filtered = pushes.flatMap(({ verdicts }) =>
    verdicts.filter((one) => one.result === 'filtered'),
  )
  expect(filtered.map(({ reason }) => reason)).toEqual(
    Array(5).fill('event.data.ref.startsWith("refs/heads/")'),
  )
  const skipped = t.dispatches().find(({ state }) => state === 'skipped')
  expect(skipped?.outcome).toMatchObject({ reason: 'drafts are not reviewed' })
})

test('pushes of a repository are handled one at a time: the second one waited', () => {
  const pushes = t.dispatches().filter(({ binding }) => binding === 'summarise-push')
  expect(pushes.map(({ path }) => path)).toEqual([
    ['received', 'attempting', 'succeeded'],
    ['received', 'flowGated', 'attempting', 'succeeded'],
  ])
  expect(t.waiting()).toEqual([])
})

test('it all replays', () => {
  expect(t.replay().entries).toBeGreaterThan(2 * deliveries.length)
})
