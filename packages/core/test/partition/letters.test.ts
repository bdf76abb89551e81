import { describe, expect, test } from 'vitest'
import { limits, type Entry, type Letter, type CancelTarget } from '../../src/index.ts'
import { attempt, failed, last, ok, ready } from './story.ts'
import {
  answer,
  binding,
  cancelLetter,
  deploy,
  refOf,
  sendEvent,
  settleTicks,
  type World,
} from './world.ts'

const hourMs = 3_600_000

function post(world: World, target: CancelTarget, over: Partial<Letter> = {}): Entry {
  const letter: Letter = {
    v: 1,
    id: 'letter',
    from: { kind: 'client', id: 'op' },
    body: { kind: 'cancel', target, by: 'op', reason: 'test' },
    replyTo: '_INBOX.op',
    ...over,
  }
  return world.take({ kind: 'letter', ref: refOf(world, 'MAIL_g1'), letter }).entry
}

const replies = (world: World) =>
  world.stepped.flatMap(({ entry }) => entry.effects).filter(({ kind }) => kind === 'reply')

const bodies = (entry: Entry) =>
  entry.effects.flatMap((effect) => (effect.kind === 'reply' ? [effect.body] : []))

describe('a letter', () => {
  test('that comes twice counts once; the second copy is told so', () => {
    const world = ready()
    sendEvent(world)
    const target = { kind: 'dispatch', dispatch: last(world).dispatch } as const
    expect(post(world, target).facts).toContainEqual({ kind: 'letter.taken', id: 'letter' })
    sendEvent(world)
    const again = post(world, { kind: 'dispatch', dispatch: last(world).dispatch })
    expect(again.facts).toEqual([{ kind: 'letter.duplicate', id: 'letter' }])
    expect(bodies(again)).toEqual([
      { kind: 'refused', code: 'letter_duplicate', reason: 'this letter was taken before' },
    ])
    expect(world.partition.dispatches.size).toBe(1)
  })

  test('is forgotten after its day, and its id is free again', () => {
    const world = ready()
    const target = { kind: 'event', event: `1-0-${'0'.repeat(32)}` } as const
    post(world, target)
    world.now += 23 * hourMs
    expect(post(world, target).facts[0]?.kind).toBe('letter.duplicate')
    world.now += 3 * hourMs
    expect(post(world, target).facts[0]?.kind).toBe('letter.taken')
  })

  test('is answered under its own id, once, and only when an answer is asked for', () => {
    const world = ready()
    sendEvent(world)
    const target = { kind: 'dispatch', dispatch: last(world).dispatch } as const
    const { effects } = post(world, target)
    expect(effects.at(-1)).toEqual({
      kind: 'reply',
      id: `letter:letter:${effects.length - 1}`,
      to: '_INBOX.op',
      letter: 'letter',
      body: { kind: 'cancelled', dispatches: 1, more: false },
    })
    expect(post(world, target, { id: 'silent', replyTo: undefined }).effects).toEqual([])
    expect(post(world, { kind: 'filter' }, { id: 'mute', replyTo: undefined }).effects).toEqual([])
    settleTicks(world)
    expect(replies(world)).toHaveLength(1)
  })
})

describe('to cancel one dispatch', () => {
  test('that nobody knows is refused as not found', () => {
    const world = ready()
    const dispatch = `1-0-${'0'.repeat(32)}`
    expect(bodies(cancelLetter(world, { kind: 'dispatch', dispatch }).entry)).toEqual([
      {
        kind: 'refused',
        code: 'not_found',
        reason: `${dispatch} is not open here, and has not ended within 24 h`,
      },
    ])
  })

  test('that has ended is refused as such for a day, a dead one for a month', () => {
    const world = ready()
    sendEvent(world)
    const ended = last(world).dispatch
    answer(world, attempt(world), ok)
    sendEvent(world)
    const dead = last(world).dispatch
    answer(world, attempt(world), failed({ class: 'permanent' }))
    const told = (dispatch: string) =>
      bodies(cancelLetter(world, { kind: 'dispatch', dispatch }).entry)
    const refused = (dispatch: string) => [
      { kind: 'refused', code: 'not_cancellable', reason: `${dispatch} has ended` },
    ]
    const unknown = [expect.objectContaining({ code: 'not_found' })]
    expect([told(ended), told(dead)]).toEqual([refused(ended), refused(dead)])
    world.now += 26 * hourMs
    expect([told(ended), told(dead)]).toEqual([unknown, refused(dead)])
    world.now += 28 * 24 * hourMs
    expect(told(dead)).toEqual(refused(dead))
    world.now += 2 * 24 * hourMs
    expect(told(dead)).toEqual(unknown)
  })
})

describe('to cancel many', () => {
  function crowd(): World {
    const world = ready()
    deploy(world, [binding(), binding({ id: 'audit' })])
    sendEvent(world, { tenant: 'acme' })
    sendEvent(world, { tenant: 'other' })
    sendEvent(world, { tenant: 'acme' })
    const first = world.pending.find((one) => one.kind === 'runAttempt')
    if (!first) throw new Error('nothing runs')
    answer(world, first, failed())
    return world
  }
  const described = (world: World) =>
    [...world.partition.dispatches.values()].map(
      ({ origin, record }) => `${origin.binding} ${origin.tenant} ${record.state}`,
    )
  const all = described(crowd())

  test.each([
    ['a binding', { binding: 'audit' }, /^audit@/],
    ['a state', { state: 'retryWait' }, /retryWait$/],
    ['a tenant', { tenant: 'acme' }, / acme /],
    ['all three', { binding: 'label', state: 'attempting', tenant: 'acme' }, /^label.*acme att/],
    ['nothing', {}, /./],
    ['what nobody is', { binding: 'ghost' }, /^ghost/],
  ] as const)('a filter of %s means those that have it, and no other', (_, filter, meant) => {
    const world = crowd()
    cancelLetter(world, { kind: 'filter', ...filter })
    settleTicks(world)
    expect(described(world)).toEqual(all.filter((one) => !meant.test(one)))
  })

  test('goes on in slices, each no more than a tick may hold, and is answered with the last', () => {
    const world = ready()
    for (let sent = 0; sent < 300; sent++) sendEvent(world)
    const before = world.stepped.length
    cancelLetter(world, { kind: 'filter' })
    settleTicks(world)
    const entries = world.stepped.slice(before).map(({ entry }) => entry)
    const cancelled = entries.map(
      ({ facts }) => facts.filter(({ kind }) => kind === 'transition').length,
    )
    expect(cancelled).toEqual([0, 128, 128, 44])
    expect(entries.map(({ facts }) => facts.at(-1))).toMatchObject([
      { kind: 'bulk.began', upTo: 300 },
      { kind: 'bulk.advanced', cursor: 128, done: 128, ended: false },
      { kind: 'bulk.advanced', cursor: 256, done: 256, ended: false },
      { kind: 'bulk.advanced', cursor: 300, done: 300, ended: true },
    ])
    expect(entries.map(bodies)).toEqual([
      [],
      [],
      [],
      [{ kind: 'cancelled', dispatches: 300, more: false }],
    ])
    expect(world.partition.bulk.size).toBe(0)
  })

  test('fits its entries, however long the reason and the name are', () => {
    const world = ready()
    for (let sent = 0; sent < 100; sent++) sendEvent(world)
    const before = world.stepped.length
    const body = { kind: 'cancel', by: '⚙'.repeat(1024), reason: '⚙'.repeat(1024) } as const
    post(world, { kind: 'filter' }, { body: { ...body, target: { kind: 'filter' } } })
    settleTicks(world)
    const entries = world.stepped.slice(before)
    expect(entries.map(({ entry }) => entry.input.kind)).not.toContain('quarantined')
    for (const { bytes } of entries) expect(bytes.length).toBeLessThan(limits.entryBytesMax)
    expect(replies(world)).toMatchObject([{ body: { dispatches: 100 } }])
  })

  test('two at once are carried out one after the other, each with its own answer', () => {
    const world = crowd()
    const first = post(world, { kind: 'filter', tenant: 'acme' }, { id: 'one' })
    const second = post(world, { kind: 'filter' }, { id: 'two' })
    expect([first, second].map(({ facts }) => facts)).toMatchObject([
      [{ kind: 'letter.taken' }, { kind: 'bulk.began', letter: 'one', replyTo: '_INBOX.op' }],
      [{ kind: 'letter.taken' }, { kind: 'bulk.began', letter: 'two', replyTo: '_INBOX.op' }],
    ])
    settleTicks(world)
    expect(replies(world)).toMatchObject([
      { letter: 'one', body: { dispatches: 4 } },
      { letter: 'two', body: { dispatches: 2 } },
    ])
  })
})
