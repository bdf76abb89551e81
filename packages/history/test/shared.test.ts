import {
  encode,
  type Entry,
  type Fact,
  type FactOf,
  type KeyedLimit,
  type LetterBody,
} from '@waybill/core'
import { decodeEntry, walk } from '@waybill/log'
import { expect, test } from 'vitest'
import type { Finding } from '../src/finding.ts'
import type { Recorded } from '../src/invariant.ts'
import { changes } from '../src/invariants/changes.ts'
import { found } from './found.ts'
import { binding, createStory, failed, names, succeeded, type Story } from './story.ts'

const limited = (...limits: readonly KeyedLimit[]) =>
  binding({
    flow: { limits: [...limits], holdWhileRetrying: false },
    retry: { kind: 'immediate', maxAttempts: 1, jitter: 'none' },
  })

const one: KeyedLimit = { name: 'one', scope: 'binding', rule: { kind: 'concurrency', max: 1 } }
const wide: KeyedLimit = { name: 'wide', scope: 'global', rule: { kind: 'concurrency', max: 1 } }
const pair: KeyedLimit = {
  name: 'pair',
  scope: 'binding',
  rule: { kind: 'batch', size: 2, timeoutMs: 60_000 },
}

async function begun(limit: KeyedLimit): Promise<Story> {
  const story = createStory()
  await story.deploy(limited(limit))
  story.epoch()
  await story.commit()
  await story.send()
  await story.send()
  return story
}

/** One holds, another waits for it, and goes in when it leaves. */
async function local(): Promise<Story> {
  const story = await begun(one)
  story.answer(succeeded)
  story.answer(succeeded)
  return story
}

/** The same where the ledger is another partition's. */
async function away(): Promise<Story> {
  const story = await begun(wide)
  const [dispatch = ''] = [...story.partition.dispatches.keys()]
  const numbers = { used: 1, max: 1 }
  const body: LetterBody = {
    kind: 'granted',
    dispatch,
    admission: 1,
    index: 0,
    numbers,
    permit: true,
  }
  await story.letter(body, '_shared/0', 'answer')
  story.answer(succeeded)
  return story
}

/** A batch closes, and its member is told by the tick after. */
async function batched(): Promise<Story> {
  const story = await begun(pair)
  story.wait(0)
  return story
}

/** A dead letter is run again, and dies again. */
async function redriven(): Promise<Story> {
  const story = createStory()
  await story.deploy(limited(one))
  story.epoch()
  await story.send()
  story.answer(failed())
  const [dispatch = ''] = [...story.partition.dead.keys()]
  const order = { version: 'same', by: 'op', reason: 'once more' } as const
  await story.letter({ kind: 'redrive', dispatches: [dispatch], ...order })
  story.answer(failed())
  return story
}

async function told(story: Story): Promise<readonly Recorded[]> {
  await story.commit()
  return Array.fromAsync(walk(story))
}

const foundIn = (story: Story, bundles: readonly Recorded[]): Promise<Finding[]> =>
  found(story.log, [{ id: story.id, bundles }])

test.each([
  ['a ledger here', local],
  ['a ledger elsewhere', away],
  ['a batch', batched],
  ['a redrive', redriven],
])('%s: a true history has nothing wrong with it', async (_, tell) => {
  const story = await tell()
  const findings = await foundIn(story, await told(story))
  // The other side of what was sent and taken is in no journal here.
  expect(findings.filter(({ rule }) => rule !== 'mail.queued')).toEqual([])
})

type Change = (fact: Fact, entry: Entry) => readonly Fact[]

const drop =
  (kind: Fact['kind']): Change =>
  (fact) =>
    fact.kind === kind ? [] : [fact]

const twice =
  (kind: Fact['kind']): Change =>
  (fact) =>
    fact.kind === kind ? [fact, fact] : [fact]

const other =
  <K extends Fact['kind']>(kind: K, change: (fact: FactOf<K>) => Fact): Change =>
  (fact) =>
    // TypeScript does not narrow by a kind that is a parameter.
    [fact.kind === kind ? change(fact as FactOf<K>) : fact]

const letInBeside = other('ledger.asked', (fact) => ({
  ...fact,
  answer: { result: 'granted', numbers: { used: 2, max: 1 } },
}))

const unaware = other('transition', (fact) => {
  const { flow } = fact.record
  return { ...fact, record: { ...fact.record, flow: flow && { ...flow, held: [] } } }
})

const anotherRule = other('letter.queued', (fact) => {
  const { body } = fact.letter
  if (body.kind !== 'reserve') return fact
  const opening = { ...body.opening, since: body.opening.since - 1 }
  return { ...fact, letter: { ...fact.letter, body: { ...body, opening } } }
})

const renumbered = other('letter.queued', (fact) => ({ ...fact, number: fact.number + 1 }))

const released: Change = (fact) =>
  fact.kind === 'letter.queued' && fact.letter.body.kind === 'release' ? [fact, fact] : [fact]
const unreleased: Change = (fact) =>
  fact.kind === 'letter.queued' && fact.letter.body.kind === 'release' ? [] : [fact]

const aloneInBatch = other('ledger.granted', (fact) => ({ ...fact, members: [fact.ticket] }))
const notMerged = other('transition', (fact) => {
  const { outcome } = fact.record
  if (outcome?.status !== 'skipped') return fact
  return { ...fact, to: 'succeeded', record: { ...fact.record, outcome: { status: 'succeeded' } } }
})
const fourth = other('transition', (fact) => ({
  ...fact,
  ...(fact.origin?.redrives && { origin: { ...fact.origin, redrives: 4 } }),
}))

test.each<[string, () => Promise<Story>, Change]>([
  ['gate.concurrency', local, letInBeside],
  ['gate.concurrency', local, twice('ledger.granted')],
  ['gate.woken', local, drop('ledger.granted')],
  ['permit.back', local, drop('ledger.left')],
  ['permit.known', local, unaware],
  ['permit.once', away, released],
  ['permit.back', away, unreleased],
  ['post.number', away, renumbered],
  ['gate.opening', away, anotherRule],
  ['gate.batch', batched, aloneInBatch],
  ['batch.told', batched, aloneInBatch],
  ['batch.once', batched, twice('ledger.granted')],
  ['batch.merged', batched, notMerged],
  ['dead.redriven', redriven, twice('dead.redriven')],
  ['dead.line', redriven, fourth],
])('%s is found', async (rule, tell, change) => {
  const story = await tell()
  const bundles = (await told(story)).map((bundle) => ({
    ...bundle,
    entries: bundle.entries.map((bytes) => {
      const entry = decodeEntry(bytes)
      return encode({ ...entry, facts: entry.facts.flatMap((fact) => change(fact, entry)) })
    }),
  }))
  expect((await foundIn(story, bundles)).map((finding) => finding.rule)).toContain(rule)
})

test('mail.queued is found: a letter that its sender never wrote down', async () => {
  const story = await begun(one)
  const [dispatch = ''] = [...story.partition.dispatches.keys()]
  const body: LetterBody = { kind: 'release', ledger: 'label/one', ticket: `${dispatch}#9` }
  await story.letter(body, 'triage/0', 'answer')
  expect((await foundIn(story, await told(story))).map(({ rule }) => rule)).toContain('mail.queued')
})

test('mail.order is found: a letter before the one that comes first', async () => {
  const story = await away()
  const bundles = (await told(story)).map((bundle) => ({
    ...bundle,
    entries: bundle.entries.map((bytes) => {
      const entry = decodeEntry(bytes)
      const { input } = entry
      if (input.kind !== 'letter') return bytes
      const letter = { ...input.letter, from: { ...input.letter.from, number: 2 } }
      return encode({ ...entry, input: { ...input, letter } })
    }),
  }))
  expect((await foundIn(story, bundles)).map(({ rule }) => rule)).toContain('mail.order')
})

test('change.alike is found: partitions of one app that differ about a change', async () => {
  const story = await begun(one)
  const [bundle] = await told(story)
  if (!bundle || changes.of !== 'history') throw new Error('there is no bundle')
  const watcher = changes.watch({ log: story.log, topology: names, evidence: {} })
  const entry = decodeEntry(bundle.entries[0] ?? new Uint8Array())
  const rules: string[] = []
  const complain = (rule: string): void => void rules.push(rule)
  for (const [slot, kind] of [
    [0, 'def.applied'],
    [1, 'def.applied'],
    [2, 'def.refused'],
  ] as const) {
    const fact: Fact =
      kind === 'def.refused' ? { kind, number: 1, reason: '' } : { kind, number: 1 }
    const id = { ...story.id, slot }
    watcher?.fact?.(fact, { id, entry, hash: '', bundle }, complain)
  }
  expect(rules).toEqual(['change.alike'])
})
