import { expect } from 'vitest'
import { isFinal, nextDue } from '../../src/index.ts'
import { answer, define, deliver, notePosted, send, take, type Site, type World } from './world.ts'

/** Everything that is under way arrives and every attempt succeeds, until nothing is left to do. */
export function drain(world: World): void {
  world.fuse = undefined
  for (const one of world.sites) while (define(world, one)) continue
  for (let round = 0; round < 2000; round++) {
    if (busy(world)) continue
    if (world.sites.every(({ partition }) => partition.dispatches.size === 0)) return
    const due = world.sites.map(({ partition }) => nextDue(partition) ?? Infinity)
    const next = Math.min(...due)
    if (next === Infinity) return
    world.now = Math.max(world.now, next)
  }
  throw new Error('it does not come to an end')
}

function busy(world: World): boolean {
  const before = progress(world)
  for (const at of world.sites) {
    while (at.sending.length > 0) send(world, at, 0)
    while (at.posting.length > 0) notePosted(world, at, 0)
    for (const lane of ['answer', 'ask'] as const) while (deliver(world, at, lane)) continue
    while (at.pending.length > 0) finish(world, at)
    if ((nextDue(at.partition) ?? Infinity) <= world.now) take(world, at, { kind: 'tick' })
  }
  return progress(world) > before
}

/** Rises with everything that happens. */
const progress = ({ sites }: World): number =>
  sites.reduce(
    (sum, { stepped, mail }) => sum + stepped.length + mail.ask.length + mail.answer.length,
    0,
  )

function finish(world: World, at: Site): void {
  const [effect] = at.pending
  const asks = effect?.kind === 'evaluatePredicate'
  answer(
    world,
    at,
    0,
    asks ? { status: 'judged', matched: true, ms: 1 } : { status: 'succeeded', sent: [], ms: 3 },
  )
}

/** What is left that nobody will ever give back. */
export function expectNothingLeft(world: World): void {
  expect(leftovers(world)).toEqual([])
}

function leftovers(world: World): readonly string[] {
  return world.sites.flatMap(({ id, partition }) => {
    const at = `${id.app}/${id.slot}`
    const open = [...partition.dispatches.values()].filter(({ record }) => !isFinal(record.state))
    return [
      ...open.map(({ id: dispatch, record }) => `${at}: ${dispatch} is ${record.state}`),
      ...[...partition.ledgers.values()].flatMap(({ id: ledger, holders, queue, merging }) => [
        ...[...holders.keys()].map((key) => `${at}: ${key} holds ${ledger}`),
        ...[...queue.waiters.keys()].map((key) => `${at}: ${key} waits in ${ledger}`),
        ...merging.map(({ leader }) => `${at}: ${leader} merges in ${ledger}`),
      ]),
      ...[...partition.voided].map((one) => `${at}: void ${one}`),
      ...[...partition.backlog].map((one) => `${at}: backlog ${one}`),
      ...[...partition.outbox].flatMap(([to, { queued }]) =>
        queued.map(({ number }) => `${at}: letter ${number} to ${to}`),
      ),
    ]
  })
}

/** Dispatches that came to their end only because nothing may last longer. */
export const stuck = ({ sites }: World): readonly string[] =>
  sites.flatMap(({ stepped }) =>
    stepped.flatMap(({ entry }) =>
      entry.facts.flatMap((fact) => {
        if (fact.kind !== 'transition' || fact.event.type !== 'timer.due') return []
        return fact.event.timer === 'close' ? [fact.dispatch] : []
      }),
    ),
  )
