import { expect, test } from 'vitest'
import {
  acceptEvent,
  limits,
  type LetterAnswer,
  type LetterBody,
  type Transition,
} from '../../src/index.ts'
import { attempt, failed, last, ok, ready } from './story.ts'
import {
  answer,
  binding,
  deploy,
  hash,
  refOf,
  sendEvent,
  settleTicks,
  type World,
} from './world.ts'

/*
 * 11 and 14.4: running again what has ended, as its partition decides it. Who may ask for what, and
 * where they find it, is the services' part.
 */

const permanent = failed({ class: 'permanent' })
const about = { by: 'ann', reason: 'mended' }

function letter(world: World, body: LetterBody): LetterAnswer {
  const ref = refOf(world, 'MAIL_g1.ask')
  const { entry } = world.take({
    kind: 'letter',
    ref,
    letter: {
      v: 1,
      id: `l${ref.seq}`,
      from: { kind: 'client', id: 'op' },
      body,
      replyTo: '_INBOX.op',
    },
  })
  const reply = entry.effects.find((effect) => effect.kind === 'reply')
  if (reply?.kind !== 'reply') throw new Error('nobody is answered')
  return reply.body as LetterAnswer // the schema of an effect leaves it open
}

const redrive = (
  world: World,
  dispatches: readonly string[],
  over: Partial<Extract<LetterBody, { kind: 'redrive' }>> = {},
): LetterAnswer =>
  letter(world, {
    kind: 'redrive',
    dispatches: [...dispatches],
    version: 'active',
    ...about,
    ...over,
  })

const discard = (world: World, dispatches: readonly string[]): LetterAnswer =>
  letter(world, { kind: 'discard', dispatches: [...dispatches], ...about })

/** Sends an event, whose dispatch dies; its id. */
function die(world: World): string {
  sendEvent(world)
  answer(world, attempt(world), permanent)
  expect(last(world).to).toBe('dlq')
  return last(world).dispatch
}

const declined = (said: LetterAnswer): readonly string[] =>
  said.kind === 'redriven' || said.kind === 'discarded' ? said.declined.map(({ code }) => code) : []

const startedAs = (said: LetterAnswer): string =>
  (said.kind === 'redriven' ? said.started[0]?.dispatch : undefined) ?? ''

const origins = ({ stepped }: World): NonNullable<Transition['origin']>[] =>
  stepped.flatMap(({ entry }) =>
    entry.facts.flatMap((fact) => (fact.kind === 'transition' && fact.origin ? [fact.origin] : [])),
  )

test('11 a dead letter runs again as a new dispatch of the same event, linked to the old one', () => {
  const world = ready()
  const dead = die(world)
  const said = redrive(world, [dead])
  expect(said).toMatchObject({ kind: 'redriven', started: [{ of: dead }], declined: [] })
  const [first, again] = origins(world)
  expect(again).toMatchObject({
    event: first?.event,
    ref: first?.ref,
    binding: first?.binding,
    rerunOf: dead,
    root: dead,
    redrives: 1,
  })
  expect(startedAs(said)).not.toBe(dead)
  answer(world, attempt(world), ok)
  expect(last(world)).toMatchObject({ dispatch: startedAs(said), to: 'succeeded' })
})

test('11 one that is named twice runs again once, and only once ever', () => {
  const world = ready()
  const dead = die(world)
  const said = redrive(world, [dead, dead])
  expect(said).toMatchObject({ started: [{ of: dead }], declined: [] })
  expect(declined(redrive(world, [dead]))).toEqual(['already_redriven'])
  expect(declined(discard(world, [dead]))).toEqual(['already_redriven'])
  expect(declined(redrive(world, ['1-0-00000000000000000000000000000000']))).toEqual(['not_found'])
})

test('11 a line of redrives ends after three, keeps its root, and may still be discarded', () => {
  const world = ready()
  const root = die(world)
  let dead = root
  for (let redrives = 1; redrives <= limits.redrivesMax; redrives++) {
    const said = redrive(world, [dead])
    expect(origins(world).at(-1)).toMatchObject({ root, redrives, rerunOf: dead })
    dead = startedAs(said)
    answer(world, attempt(world), permanent)
  }
  expect(declined(redrive(world, [dead]))).toEqual(['redrive_limit'])
  expect(discard(world, [dead, dead])).toMatchObject({ dispatches: [dead], declined: [] })
  expect(declined(discard(world, [dead]))).toEqual(['discarded'])
  expect(declined(redrive(world, [dead]))).toEqual(['discarded'])
})

test('11 it runs under the version that is active, or under its own if that is asked for', () => {
  const world = ready()
  const [one, two] = [die(world), die(world)]
  deploy(world, [binding({ version: 2 })])
  redrive(world, [one])
  redrive(world, [two], { version: 'same' })
  expect(origins(world).map((origin) => origin.binding.split('@')[1])).toEqual([
    'v1',
    'v1',
    'v2',
    'v1',
  ])
})

test('11 without a version that is active it is declined, under its own it runs', () => {
  const world = ready()
  const dead = die(world)
  deploy(world, [])
  expect(declined(redrive(world, [dead]))).toEqual(['binding_gone'])
  expect(redrive(world, [dead], { version: 'same' })).toMatchObject({ started: [{ of: dead }] })
})

test('11 an edited event lies where its letter lies, and is for one dead letter alone', () => {
  const world = ready()
  const [one, two] = [die(world), die(world)]
  const edited = { type: 'issue.opened', source: 'test', data: { data: 'y' }, dedupeKey: 'k' }
  const { event } = acceptEvent(edited, { hash, generation: 1, slots: 1, now: 1 })
  expect(declined(redrive(world, [one, two], { event }))).toEqual([
    'one_at_a_time',
    'one_at_a_time',
  ])
  redrive(world, [one], { event })
  const { stream, seq } = origins(world).at(-1)?.ref ?? {}
  expect([stream, seq]).toEqual(['MAIL_g1.ask', world.seqs.get('MAIL_g1.ask')])
})

test('14.4 a rerun is a new dispatch each time, of whatever was ever deployed', () => {
  const world = ready()
  sendEvent(world)
  answer(world, attempt(world), ok)
  const { dispatch } = last(world)
  const [origin] = origins(world)
  if (!origin) throw new Error('nothing began')
  const { binding: key, event: id, tenant, ref } = origin
  const again = (named: string): LetterAnswer =>
    letter(world, {
      kind: 'rerun',
      of: dispatch,
      binding: named,
      event: { id, tenant },
      ref,
      ...about,
    })
  expect(again('nobody@v9')).toMatchObject({ kind: 'refused', code: 'binding_unknown' })
  const ids = [again(key), again(key)].map(startedAs)
  expect(new Set([dispatch, ...ids]).size).toBe(3)
  const [, first] = origins(world)
  expect(first).toMatchObject({ rerunOf: dispatch, event: id, ref })
  // It is no redrive: nothing of a line, and a key of its own.
  expect(first?.root).toBeUndefined()
  expect(first?.redrives).toBeUndefined()
  settleTicks(world)
})
