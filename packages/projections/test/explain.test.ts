import type { Rule } from '@waybill/core'
import { expect, test } from 'vitest'
import { dispatchesOfEvent } from '../src/query/dispatches.ts'
import { explainEvent } from '../src/query/explain.ts'
import { binding, createPlayer, createStage, type Stage } from './player.ts'
import { told } from './told.ts'

const label = binding({ id: 'label', when: { kind: 'cel', text: 'event.data.open' } })
const audit = binding({ id: 'audit', on: ['issue.opened'], maxChainDepth: 1 })
const ship = binding({ id: 'ship', on: ['order.*', 'order.paid.>'] })

function begin(manifests = [label, audit, ship]) {
  const stage = createStage()
  const player = createPlayer(stage, 'triage', 0, 4)
  player.deploy(manifests)
  player.epoch()
  return { stage, player }
}

/** `label@v1 filtered: filter false`, one line a binding, ids left out. */
async function explained(stage: Stage, id: string): Promise<string[]> {
  const { db } = await told(stage)
  const verdicts = await explainEvent(db, id)
  return verdicts.map(({ app, binding: key, verdict, reason, dispatch }) =>
    [
      `${app}/${key}`,
      verdict,
      ...(dispatch ? ['dispatched'] : []),
      ...(reason ? [`(${reason})`] : []),
    ].join(' '),
  )
}

const eventOf = (stage: Stage) => [...stage.events.values()].at(-1)?.id ?? ''

test('lists every binding of that moment: matched, filtered, of another type', async () => {
  const { stage, player } = begin()
  player.send({ verdict: 'filtered', reason: 'event.data.open is false' })
  player.commit()
  const filtered = eventOf(stage)
  player.send()
  player.commit()
  expect(await explained(stage, filtered)).toEqual([
    'triage/audit@v1 filtered (event.data.open is false)',
    'triage/label@v1 filtered (event.data.open is false)',
    'triage/ship@v1 type_mismatch (it is on order.*, order.paid.>, the event is issue.opened)',
  ])
  expect(await explained(stage, eventOf(stage))).toEqual([
    'triage/audit@v1 matched dispatched',
    'triage/label@v1 matched dispatched',
    'triage/ship@v1 type_mismatch (it is on order.*, order.paid.>, the event is issue.opened)',
  ])
})

test('one that matched and is held, or was turned away, says by which limit', async () => {
  const limit = (name: string, rule: Rule) => ({ name, scope: 'binding' as const, rule })
  const flow = (one: ReturnType<typeof limit>) => ({ limits: [one], holdWhileRetrying: false })
  const waits = limit('only', { kind: 'concurrency', max: 1 })
  const rate = limit('rate', { kind: 'rateLimit', max: 1, periodMs: 1000 })
  const bindings = [binding({ id: 'held', flow: flow(waits) })]
  const { stage, player } = begin([...bindings, binding({ id: 'over', flow: flow(rate) })])
  player.send()
  player.send()
  player.commit()
  expect(await explained(stage, eventOf(stage))).toEqual([
    'triage/held@v1 matched dispatched (waits in held/only (used 1, max 1, ahead 0))',
    'triage/over@v1 matched dispatched (skipped by over/rate: rate_limited ' +
      '(max 1, periodMs 1000, retryAfterMs 1000, used 1))',
  ])
})

test('an event that matches nothing is kept, and every binding says why', async () => {
  const { stage, player } = begin()
  player.send({ type: 'push' })
  player.commit()
  expect((await explained(stage, eventOf(stage))).map((line) => line.split(' ')[1])).toEqual([
    'type_mismatch',
    'type_mismatch',
    'type_mismatch',
  ])
})

test('a clause that failed to evaluate is an error, not a match', async () => {
  const { stage, player } = begin([label])
  player.send({ verdict: 'error', reason: 'no such field: open' })
  player.commit()
  expect(await explained(stage, eventOf(stage))).toEqual([
    'triage/label@v1 predicate_error (no such field: open)',
  ])
})

test('an asynchronous predicate is asked, and then says what it said', async () => {
  const asking = binding({ when: { kind: 'function', code: 'a'.repeat(32), async: true } })
  const outcomes = [
    ['judged', true, 'matched'],
    ['judged', false, 'filtered'],
  ] as const
  for (const [status, matched, verdict] of outcomes) {
    const { stage, player } = begin([asking])
    player.send({ verdict: 'ask' })
    player.commit()
    const id = eventOf(stage)
    expect(await explained(stage, id)).toEqual(['triage/label@v1 asked dispatched'])
    const [effect] = player.pending
    if (effect) player.answer(effect, { status, matched, reason: 'too small', ms: 3 })
    player.commit()
    const why = matched ? '' : ' (too small)'
    expect(await explained(stage, id)).toEqual([`triage/label@v1 ${verdict} dispatched${why}`])
  }
})

test('a duplicate starts nothing, and is counted with what was different about it', async () => {
  const { stage, player } = begin([label])
  player.send()
  const id = eventOf(stage)
  const event = [...stage.events.values()].at(-1)
  if (event) {
    player.repeat(event)
    player.repeat(event, 'something else')
  }
  player.commit()
  expect(await explained(stage, id)).toEqual([
    'triage/label@v1 matched dispatched (came 2 more times, 1 of them with other content: answered, and not dispatched again)',
  ])
})

test('a chain that is too deep is refused', async () => {
  const { stage, player } = begin([audit])
  player.send({ depth: 2, root: `1-0-${'e'.repeat(32)}` })
  player.commit()
  expect(await explained(stage, eventOf(stage))).toEqual([
    'triage/audit@v1 refused dispatched (chain depth 2 is more than the binding allows)',
  ])
})

test('what counts is what was deployed when the event was read', async () => {
  const { stage, player } = begin([label])
  player.send()
  const before = eventOf(stage)
  player.deploy([binding({ id: 'label', version: 2 }), audit])
  player.send()
  player.commit()
  expect(await explained(stage, before)).toEqual(['triage/label@v1 matched dispatched'])
  expect(await explained(stage, eventOf(stage))).toEqual([
    'triage/audit@v1 matched dispatched',
    'triage/label@v2 matched dispatched',
  ])
})

test('apps are explained one by one; one may not have read that far', async () => {
  const { stage, player } = begin([label])
  const other = createPlayer(stage, 'billing', 0, 4)
  other.deploy([binding({ id: 'bill', on: ['>'] })])
  other.epoch()
  other.commit()
  player.send()
  player.commit()
  expect(await explained(stage, eventOf(stage))).toEqual([
    'billing/bill@v1 not_read (its partition has not read that far)',
    'triage/label@v1 matched dispatched',
  ])
})

test('an app is not asked about what came before it was deployed', async () => {
  const { stage, player } = begin([label])
  player.send()
  player.commit()
  const other = createPlayer(stage, 'billing', 0, 4)
  other.deploy([binding({ id: 'bill', on: ['>'] })], 5)
  other.commit()
  expect(await explained(stage, eventOf(stage))).toEqual([
    'billing/bill@v1 before_deploy (the app was deployed after message 5 of EVENTS_g1)',
    'triage/label@v1 matched dispatched',
  ])
})

test('1.6 and 2.5 a paused binding says so, and once it is given the event, what it found', async () => {
  const { stage, player } = begin()
  player.order('pause', 'label')
  player.order('pause', 'audit')
  player.send()
  player.commit()
  const id = eventOf(stage)
  const lines = async () => (await explained(stage, id)).slice(0, 2)
  expect(await lines()).toEqual([
    'triage/audit@v1 paused (it is given it after a resume)',
    'triage/label@v1 paused (it is given it after a resume)',
  ])
  player.deploy([binding({ ...label, version: 2 }), audit, ship])
  player.order('resume', 'label')
  player.release()
  player.order('resume', 'audit')
  player.release('filtered')
  player.commit()
  expect(await lines()).toEqual(['triage/audit@v1 filtered', 'triage/label@v1 matched dispatched'])
  const { db } = await told(stage)
  expect(await dispatchesOfEvent(db, id)).toMatchObject([{ binding: 'label', version: 2 }])
})

test('an operator’s change is no deploy: what was active before it is active after it', async () => {
  const { stage, player } = begin()
  player.order('pause', 'label')
  player.order('resume', 'label')
  player.send()
  player.commit()
  expect((await explained(stage, eventOf(stage))).map((line) => line.split(' ')[1])).toEqual([
    'matched',
    'matched',
    'type_mismatch',
  ])
})
