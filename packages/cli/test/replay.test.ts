import { encode } from '@waybill/core'
import { sha256, walk } from '@waybill/log'
import { expect, test } from 'vitest'
import { createReplayer, type Recorded } from '@waybill/history'
import { readExport, writeExport } from '../src/replay/export.ts'
import { replaySlice } from '../src/replay/slice-replay.ts'
import { createSliceTaker, type Slice } from '../src/replay/slice.ts'
import { CliError } from '../src/error.ts'
import { binding, createStory, failed, succeeded, type Story } from '../../history/test/story.ts'

async function journal(story: Story): Promise<Recorded[]> {
  const found: Recorded[] = []
  for await (const bundle of walk(story)) found.push(bundle)
  return found
}

/** Everything that can happen to dispatches, some of it in one step to many at once. */
async function eventful(): Promise<Story> {
  const story = createStory()
  await story.deploy(binding(), binding({ id: 'audit', on: ['>'] }))
  story.epoch()
  await story.commit()
  await story.send()
  await story.send({ data: 'y' })
  await story.commit()
  story.answer(succeeded)
  story.answer(failed())
  story.answer(failed('worse'))
  story.answer(succeeded)
  await story.commit()
  story.wait(1000)
  await story.commit()
  story.answer(failed())
  story.epoch()
  story.wait(0)
  await story.commit()
  story.wait(2000)
  story.answer({ status: 'unhosted' })
  story.epoch()
  story.wait(5000)
  await story.send({ type: 'issue.closed', verdict: 'ask' })
  await story.commit()
  await story.cancel({ kind: 'filter', binding: 'audit' })
  story.wait(0)
  await story.commit()
  while (story.pending.length > 0) story.answer({ status: 'judged', matched: true, ms: 1 })
  story.wait(40_000)
  await story.commit()
  return story
}

test('a partition replays to the same bytes', async () => {
  const story = await eventful()
  const replayer = createReplayer(story.id, sha256)
  for (const recorded of await journal(story)) expect(replayer.take(recorded)).toBeUndefined()
  expect(replayer.dispatches).toBe(6)
  expect(replayer.partition.positions).toEqual(story.partition.positions)
})

test('a change of one recorded byte is found where it is', async () => {
  const story = await eventful()
  const bundles = await journal(story)
  const replayer = createReplayer(story.id, sha256)
  const [first, second, ...rest] = bundles
  const entries = second!.entries.map((bytes, at) => (at === 1 ? spoil(bytes) : bytes))
  replayer.take(first!)
  const found = replayer.take({ ...second!, entries })
  expect(found).toMatchObject({
    place: { app: 'triage', slot: 0, bundle: 2, entry: 1 },
    input: 'event',
    transition: 0,
    differences: [{ path: 'effects[0].attempt', recorded: 2, replayed: 1 }],
  })
  expect(rest.length).toBeGreaterThan(3)

  function spoil(bytes: Uint8Array): Uint8Array {
    const copy = Buffer.from(bytes)
    // `attempt: 1` in the effect.
    copy[copy.indexOf('attempt\u0001', 0, 'latin1') + 7] = 2
    return copy
  }
})

test('every dispatch replays from what it depended on alone', async () => {
  const story = await eventful()
  const bundles = await journal(story)
  const ids = dispatchesOf(bundles)
  expect(ids.length).toBe(6)
  for (const id of ids) {
    const slice = sliceOf(story, bundles, id)
    const steps = [...replaySlice(slice, sha256)]
    expect(steps.flatMap(({ differences }) => differences)).toEqual([])
    expect(steps.map(({ transition }) => transition?.index)).toEqual(steps.map((_, at) => at))
    expect(steps.length).toBe(transitionsOf(bundles, id))
  }
})

test('an export says where any of its bytes was changed', async () => {
  const story = await eventful()
  const bundles = await journal(story)
  const [id] = dispatchesOf(bundles)
  const file = writeExport(sha256, sliceOf(story, bundles, id!), 0)
  expect(readExport(sha256, 'x.waybill', file).dispatch).toBe(id)
  const places = new Set<string>()
  for (let at = 0; at < file.length; at++) {
    const damaged = Buffer.from(file)
    damaged[at] = damaged[at]! ^ 0xff
    const error = errorOf(() => readExport(sha256, 'x.waybill', damaged))
    expect(error.code).toBe('WB4101')
    const [, from, to] = /bytes (\d+) to (\d+)/.exec(error.where ?? '') ?? []
    expect(Number(from)).toBeLessThanOrEqual(at)
    expect(Number(to)).toBeGreaterThanOrEqual(at)
    places.add(error.what)
  }
  expect([...places]).toMatchObject([
    expect.stringContaining('magic'),
    expect.stringContaining('contents'),
    expect.stringContaining('contents'),
    expect.stringContaining('about'),
    expect.stringContaining('seed'),
    expect.stringContaining('entry 0 (transition 0)'),
    expect.stringContaining('entry 1 (transition 1)'),
    expect.stringContaining('sum'),
  ])
})

function errorOf(work: () => unknown): CliError {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof CliError) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}

function sliceOf(story: Story, bundles: readonly Recorded[], id: string): Slice {
  const taker = createSliceTaker(story.id, id)
  for (const recorded of bundles) taker.take(recorded)
  return taker.slice()!
}

function dispatchesOf(bundles: readonly Recorded[]): string[] {
  const replayer = createReplayer({ app: 'triage', generation: 1, slot: 0 }, sha256)
  const ids: string[] = []
  for (const recorded of bundles) {
    replayer.take(recorded, ({ facts }) => {
      for (const fact of facts)
        if (fact.kind === 'transition' && fact.index === 0) ids.push(fact.dispatch)
    })
  }
  return ids
}

function transitionsOf(bundles: readonly Recorded[], id: string): number {
  const replayer = createReplayer({ app: 'triage', generation: 1, slot: 0 }, sha256)
  let found = 0
  for (const recorded of bundles) {
    replayer.take(recorded, ({ facts }) => {
      found += facts.filter((fact) => fact.kind === 'transition' && fact.dispatch === id).length
    })
  }
  return found
}

test('a list of contents that was forged with the right hash is refused like a damaged one', () => {
  const head = Uint8Array.of(0x57, 0x41, 0x59, 0x42, 0x49, 0x4c, 0x4c, 0x01)
  for (const listed of [Uint8Array.of(0xc1), encode({ sections: 'none' })]) {
    const bytes = new Uint8Array(head.length + 4 + listed.length + 64)
    bytes.set(head)
    new DataView(bytes.buffer).setUint32(head.length, listed.length)
    bytes.set(listed, head.length + 4)
    bytes.set(Buffer.from(sha256.bytes(listed), 'hex'), head.length + 4 + listed.length)
    expect(() => readExport(sha256, 'forged.wb', bytes)).toThrow(
      expect.objectContaining({ code: 'WB4101' }),
    )
  }
})
