import { encode, type Entry } from '@waybill/core'
import { decodeEntry, sha256, streamNames, walk } from '@waybill/log'
import { expect, test } from 'vitest'
import { createHistory } from '../src/history.ts'
import type { Finding } from '../src/finding.ts'
import type { Recorded } from '../src/invariant.ts'
import { binding, createStory, names, type Story } from './story.ts'

function check(story: Story, bundles: readonly Recorded[]): Finding[] {
  const { events: eventsStream } = streamNames(names)
  const history = createHistory({ id: story.id, hash: sha256, eventsStream, fromStart: true })
  return bundles.flatMap((recorded) => history.take(recorded))
}

/** The same journal with one entry changed. */
function changed(
  bundles: readonly Recorded[],
  number: number,
  at: number,
  change: (entry: Entry) => Entry | undefined,
): Recorded[] {
  return bundles.map((bundle) => {
    if (bundle.header.number !== number) return bundle
    const entries = bundle.entries.flatMap((bytes, index) => {
      if (index !== at) return [bytes]
      const after = change(decodeEntry(bytes))
      return after ? [encode(after)] : []
    })
    return { ...bundle, entries }
  })
}

async function heldStory(): Promise<{ story: Story; bundles: Recorded[] }> {
  const story = createStory()
  await story.deploy(binding())
  story.epoch()
  await story.order('pause', 'label')
  await story.send()
  await story.commit()
  await story.order('resume', 'label')
  await story.commit()
  await story.catchUp()
  await story.commit()
  const bundles: Recorded[] = []
  for await (const bundle of walk(story)) bundles.push(bundle)
  return { story, bundles }
}

test.each<[string, string, number, number, (entry: Entry) => Entry | undefined]>([
  ['that was not held back', 'event.held', 1, 3, () => undefined],
  ['twice', 'event.held', 2, 0, () => undefined],
  [
    'that was another one by then',
    'event.held',
    3,
    0,
    ({ input, ...entry }) =>
      input.kind === 'held'
        ? { ...entry, input: { ...input, place: { ...input.place, hash: 'a'.repeat(64) } } }
        : undefined,
  ],
  [
    'and starts nothing, though it matched',
    'event.matches',
    3,
    0,
    (entry) => ({ ...entry, facts: entry.facts.filter(({ kind }) => kind !== 'transition') }),
  ],
])('an event that is given after a pause %s is found', async (what, rule, number, at, change) => {
  const { story, bundles } = await heldStory()
  expect(check(story, bundles)).toEqual([])
  const spoiled = changed(bundles, number, at, change)
  const last = spoiled.at(-1)!
  const twice = what === 'twice' ? [...bundles, last] : spoiled
  expect(check(story, twice).map((one) => one.rule)).toContain(rule)
})
