import { describe, expect, test } from 'vitest'
import {
  apply,
  encode,
  limits,
  nextDue,
  quarantineBytes,
  type AttemptError,
  type DispatchRecord,
  type EffectResult,
  type Fact,
  type Transition,
} from '../../src/index.ts'
import { attempt, failed, last, ok, ready } from './story.ts'
import {
  answer,
  beginEpoch,
  binding,
  deploy,
  hash,
  sendEvent,
  settleTicks,
  type World,
} from './world.ts'

const kinds = (facts: readonly Fact[]): string[] => facts.map(({ kind }) => kind)
const moved = (facts: readonly Fact[]): Transition[] =>
  facts.filter((fact) => fact.kind === 'transition')
const open = (world: World): string[] => [...world.partition.dispatches.keys()]

function send(world: World, count: number): void {
  for (let sent = 0; sent < count; sent++) sendEvent(world)
}

/** Puts a record where no step of this build would: as another build's entry, taken as given. */
function plant(world: World, id: string, change: Partial<DispatchRecord>, machine = 1): void {
  const before = world.partition.dispatches.get(id)
  if (!before) throw new Error(`${id} is not open`)
  const record = { ...before.record, ...change, index: before.record.index + 1 }
  const transition: Transition = {
    kind: 'transition',
    dispatch: id,
    index: record.index - 1,
    event: { type: 'gate.granted', at: world.now },
    from: before.record.state,
    to: record.state,
    via: [],
    origin: { ...before.origin, machine },
    record,
  }
  const entry = {
    at: world.now,
    input: { kind: 'tick' },
    facts: [transition],
    effects: [],
  } as const
  apply(world.partition, { ...entry, facts: [transition], effects: [] }, hash.text('planted'))
  world.partition.actors.delete(id)
}

describe('time', () => {
  test('an entry is never earlier than the one before, and in whole ms', () => {
    const world = ready()
    world.now = 2_000_000.75
    expect(sendEvent(world).entry.at).toBe(2_000_000)
    world.now = 1_000_000
    expect(sendEvent(world).entry.at).toBe(2_000_000)
    expect(world.partition.at).toBe(2_000_000)
  })
})

describe('the first transition', () => {
  test('tells where the dispatch comes from, the later ones what came before', () => {
    const world = ready()
    const sent = sendEvent(world, { tenant: 'acme', bindingKey: 'customer 7' })
    const input = sent.entry.input
    if (input.kind !== 'event') throw new Error('not the event')
    const first = last(world)
    expect(kinds(sent.entry.facts)).toEqual(['event.seen', 'transition'])
    expect(first).toMatchObject({ index: 0, from: null, to: 'attempting' })
    expect(first.prev).toBeUndefined()
    expect(first.via).toEqual(['received:dispatch.started:2', 'flowGated:always:0'])
    expect(first.origin).toEqual({
      binding: 'label@v1',
      event: input.head.id,
      ref: input.ref,
      tenant: 'acme',
      ordinal: 1,
      machine: 1,
      key: 'customer 7',
    })
    answer(world, attempt(world), failed())
    const second = last(world)
    expect(second).toMatchObject({ index: 1, from: 'attempting', to: 'retryWait' })
    expect(second.prev).toBe(sent.hash)
    expect(second.origin).toBeUndefined()
    expect(second.via).toEqual(['attempting:attempt.failed:4'])
  })

  test('of every dispatch takes the next ordinal, in the order of the bindings’ ids', () => {
    const world = ready()
    deploy(world, [binding({ id: 'z' }), binding({ id: 'a' }), binding({ id: 'm' })])
    const facts = moved(sendEvent(world).entry.facts)
    expect(facts.map(({ origin }) => [origin?.binding, origin?.ordinal])).toEqual([
      ['a@v1', 1],
      ['m@v1', 2],
      ['z@v1', 3],
    ])
    expect(new Set(facts.map(({ dispatch }) => dispatch)).size).toBe(3)
  })

  test('waits for a verdict of each candidate, and for no verdict on one that is too deep', () => {
    for (const result of ['unjudged', undefined] as const) {
      const world = ready()
      const { entry } = sendEvent(world)
      if (entry.input.kind !== 'event') throw new Error('not the event')
      const { ref, head } = entry.input
      const verdicts = result === undefined ? [] : [{ binding: 'label@v1', result }]
      const id = head.id.replaceAll(/.$/g, (end) => (end === '0' ? '1' : '0'))
      const twin = { ...head, id }
      const bad = world.take({
        kind: 'event',
        ref: { ...ref, seq: ref.seq + 1 },
        head: twin,
        verdicts,
      })
      expect(bad.entry.input).toMatchObject({
        kind: 'quarantined',
        reason: expect.stringMatching(/verdict (unjudged )?on label/),
      })
      expect(world.partition.started).toBe(1)
    }
    const deep = ready({ maxChainDepth: 1 })
    const { entry } = sendEvent(deep, { depth: 2, verdict: 'matched' })
    expect(entry.input).toMatchObject({ verdicts: [{ result: 'unjudged' }] })
  })
})

describe('a tick', () => {
  test('fires what is due, the oldest first and at most so many, and nothing else', () => {
    const world = ready()
    send(world, 300)
    world.now += 1000
    sendEvent(world)
    world.now += 29_999
    const timedOut = world.take({ kind: 'tick' })
    expect(moved(timedOut.entry.facts).length).toBeGreaterThan(200)
    expect(moved(timedOut.entry.facts).length).toBeLessThanOrEqual(limits.timersPerTickMax)
    expect(new Set(moved(timedOut.entry.facts).map(({ dispatch }) => dispatch)).size).toBe(
      moved(timedOut.entry.facts).length,
    )
    expect(nextDue(world.partition)).toBeLessThan(world.now)
    world.take({ kind: 'tick' })
    expect(nextDue(world.partition)).toBeGreaterThan(world.now)
    expect(world.take({ kind: 'tick' }).entry.facts).toEqual([])
  })

  test.each<[string, Partial<AttemptError>]>([
    ['messages', { message: '⚙'.repeat(1000) }],
    [
      'names, codes and places',
      { name: '⚙'.repeat(128), code: '⚙'.repeat(128), path: '⚙'.repeat(512) },
    ],
  ])('is never too large for an entry, however long the %s of errors are', (_, error) => {
    const world = ready()
    send(world, 300)
    const running = world.pending.filter(({ kind }) => kind === 'runAttempt')
    for (const effect of running) answer(world, effect, failed(error))
    world.now += 1000
    const before = world.stepped.length
    settleTicks(world)
    const ticks = world.stepped.slice(before)
    expect(ticks.map(({ entry }) => entry.input.kind)).not.toContain('quarantined')
    for (const { bytes } of ticks) expect(bytes.length).toBeLessThan(limits.entryBytesMax)
    expect(ticks.flatMap(({ entry }) => moved(entry.facts))).toHaveLength(300)
    expect(ticks.length).toBeLessThan(12)
  })

  test('takes up what the epoch before left behind first, in slices, before any timer', () => {
    const world = ready({ retry: { kind: 'immediate', maxAttempts: 9, jitter: 'none' } })
    send(world, 200)
    beginEpoch(world)
    world.now += 40_000
    const slices = [1, 2].map(() => moved(world.take({ kind: 'tick' }).entry.facts))
    expect(slices.map(({ length }) => length)).toEqual([128, 72])
    for (const slice of slices) {
      const ids = slice.map(({ dispatch }) => dispatch)
      expect(ids).toEqual(ids.toSorted())
      expect(new Set(slice.map(({ event }) => event.type))).toEqual(new Set(['attempt.lost']))
    }
    expect(open(world)).toHaveLength(200)
  })

  test('with two deadlines at the same moment goes by the one of the whole', () => {
    const timeouts = { ...binding().timeouts, attemptMs: 1000, scheduleToCloseMs: 1000 }
    const world = ready({ timeouts })
    sendEvent(world)
    world.now += 1000
    const { entry } = world.take({ kind: 'tick' })
    expect(moved(entry.facts)).toMatchObject([
      { event: { timer: 'close' }, record: { outcome: { status: 'dlq', reason: 'expired' } } },
    ])
    expect(entry.effects).toMatchObject([{ kind: 'abortAttempt', reason: 'expired' }])
  })

  test.each([
    ['is of a machine that this build does not have', {}, 2],
    ['has no arrow for its timer', { state: 'retryWait', timers: { wait: 1_031_000 } }, 1],
  ] as const)(
    'that fails on one dispatch which %s takes no other with it',
    (_, change, machine) => {
      const world = ready()
      send(world, 3)
      const [first, bad, third] = open(world)
      if (!first || !bad || !third) throw new Error('too few')
      plant(world, bad, change, machine)
      world.now += 31_000
      const { entry } = world.take({ kind: 'tick' })
      expect(entry.input).toMatchObject({ kind: 'quarantined', dispatch: bad })
      expect(entry.effects).toEqual([])
      expect(open(world)).toEqual([first, third])
      expect(world.partition.dead.get(bad)?.reason).toBe('poison')
      expect(
        moved(world.take({ kind: 'tick' }).entry.facts).map(({ dispatch }) => dispatch),
      ).toEqual([first, third].sort())
    },
  )
})

describe('a result', () => {
  const late = (effect: string, status: string) => [{ kind: 'result.late', effect, status }]

  test('of the wrong kind, of an effect that is over or of nobody is a note', () => {
    const world = ready()
    sendEvent(world)
    const running = attempt(world)
    const judged = { status: 'judged', matched: true, ms: 1 } as const
    expect(answer(world, running, judged).entry.facts).toEqual(late(running.id, 'judged'))
    const other = `${running.dispatch}:7:0`
    const ghost = `1-0-${'0'.repeat(32)}:0:0`
    for (const effect of [other, ghost, 'nonsense']) {
      const { entry } = world.take({ kind: 'result', effect, result: ok })
      expect(entry.facts).toEqual(late(effect, 'succeeded'))
    }
    expect(kinds(answer(world, running, ok).entry.facts)).toEqual(['transition'])
    expect(answer(world, running, ok).entry.facts).toEqual(late(running.id, 'succeeded'))
  })

  test('of a predicate that throws says no, with the error as its reason', () => {
    const world = ready()
    sendEvent(world, { verdict: 'ask' })
    const asked = world.pending.at(-1)
    if (!asked) throw new Error('nothing asked')
    answer(world, asked, failed({ message: 'x'.repeat(2000) }))
    expect(last(world).record.outcome).toEqual({
      status: 'skipped',
      stage: 'predicate',
      reason: `predicate.error: ${'x'.repeat(495)}`,
    })
  })

  test('of a checkpoint is remembered as the latest one', () => {
    const world = ready()
    const pointer = { position: 9, number: 4, hash: hash.text('bundle'), snapshot: 's4' }
    const { entry } = world.take({
      kind: 'result',
      effect: 'checkpoint',
      result: { status: 'checkpointed', ...pointer },
    })
    expect(entry.facts).toEqual([{ kind: 'checkpoint', ...pointer }])
    expect(world.partition.checkpoint).toEqual(pointer)
  })
})

describe('what cannot be taken', () => {
  const bad = (dispatch?: string) => ({
    kind: 'quarantined' as const,
    reason: 'not understood',
    hash: hash.text('bytes'),
    bytes: new Uint8Array([0xa5]),
    ...(dispatch === undefined ? {} : { dispatch }),
  })

  test('is noted; the dispatch that it was about is a dead letter', () => {
    const world = ready()
    send(world, 2)
    const [first, second] = open(world)
    expect(world.take(bad()).entry.facts).toEqual([
      { kind: 'quarantined', reason: 'not understood' },
    ])
    expect(world.take(bad(`1-0-${'0'.repeat(32)}`)).entry.facts).toHaveLength(1)
    expect(world.take(bad(first)).entry.facts).toEqual([
      { kind: 'quarantined', reason: 'not understood' },
      { kind: 'dispatch.quarantined', dispatch: first, at: world.now, reason: 'poison' },
    ])
    expect(open(world)).toEqual([second])
    const dead = world.partition.dead.get(first ?? '')
    expect(dead).toMatchObject({ at: world.now, reason: 'poison', origin: { ordinal: 1 } })
  })

  test('of an epoch that is not the next one is kept with its reason', () => {
    const world = ready()
    const { input } = beginEpoch(world).entry
    if (input.kind !== 'epoch') throw new Error('not an epoch')
    const again = world.take(input)
    expect(again.entry.input).toMatchObject({ reason: 'Error: epoch 2 after 2', ref: undefined })
    expect(world.partition.epoch.number).toBe(2)
  })

  test('and has no bytes that could be kept is told by its kind, for a reason that has an end', () => {
    const { input } = ready().take({ kind: 'result', effect: '\ud800', result: ok }).entry
    if (input.kind !== 'quarantined') throw new Error('not quarantined')
    expect(input.bytes).toEqual(encode({ kind: 'result' }))
    expect(input.reason).toMatch(/^CodecError: codec.text/)
    const endless = quarantineBytes(hash, 'x'.repeat(600), new Uint8Array([1]))
    expect(endless).toEqual({
      kind: 'quarantined',
      ref: undefined,
      reason: 'x'.repeat(512),
      hash: hash.bytes(new Uint8Array([1])),
      bytes: new Uint8Array([1]),
    })
  })

  test('keeps its first 64 KiB, the hash of all of it, and its place', () => {
    const world = ready()
    sendEvent(world)
    const running = attempt(world)
    const output = 'x'.repeat(300_000)
    const result: EffectResult = { status: 'succeeded', output, sent: [], ms: 1 }
    const { input } = answer(world, running, result).entry
    if (input.kind !== 'quarantined') throw new Error('not quarantined')
    const whole = encode({ kind: 'result', effect: running.id, result })
    expect(input.bytes).toEqual(whole.slice(0, limits.quarantineBytesMax))
    expect(input.hash).toBe(hash.bytes(whole))
    expect(input.reason).toMatch(/^CodecError: codec.size/)
  })
})
