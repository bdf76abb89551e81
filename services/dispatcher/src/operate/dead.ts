import { randomUUID } from 'node:crypto'
import {
  createApiClient,
  invalid,
  refused,
  type Answer,
  type ApiClient,
  type Asked,
} from '@waybill/api'
import { encode, parseId, type LetterAnswer, type LetterBody, type Plain } from '@waybill/core'
import { sha256, streamNames } from '@waybill/log'
import type { Jobs } from './jobs.ts'
import { ask, audit, type HandlerParts } from './parts.ts'

/*
 * Dead letters are found in the read store and run again by the partitions that have them: those
 * decide, once, so two operators who find the same ones redrive each of them once.
 */

type Redrive = Asked<'dlq.redrive'>
type Discard = Asked<'dlq.discard'>

/** As many as fit one letter (`redrivesPerLetterMax` of core). */
const perLetter = 64
/** Letters under way at once. */
const lettersAtOnce = 8
const shownMax = 100

interface Found {
  readonly ids: readonly string[]
  readonly asOf: Readonly<Record<string, number>>
}

/** Exactly those that are pending now: what dies later is not meant. */
async function find(
  api: ApiClient,
  { app, ids, filter }: Pick<Redrive, 'app' | 'ids' | 'filter'>,
): Promise<Found> {
  if ((ids === undefined) === (filter === undefined)) {
    throw invalid('one of ids and filter is wanted', 'ids')
  }
  if (ids) return { ids, asOf: {} }
  const found: string[] = []
  let cursor: string | undefined
  let asOf = {}
  const until = Math.min(filter?.until ?? Infinity, Date.now() + 1)
  do {
    const page = await api.call('dlq.list', {
      ...{ ...filter, app, until, status: 'pending', limit: 500 },
      ...(cursor !== undefined && { cursor }),
    })
    found.push(...page.entries.map(({ id }) => id))
    asOf = page.asOf
    cursor = page.next
  } while (cursor !== undefined)
  // The oldest first: they have waited longest.
  return { ids: found.reverse(), asOf }
}

type Told = Extract<LetterAnswer, { kind: 'redriven' | 'discarded' }>

/** One letter for each partition that has some of them. */
async function tell(
  parts: HandlerParts,
  ids: readonly string[],
  bodyFor: (ids: string[]) => LetterBody,
): Promise<readonly Told[]> {
  const bySlot = new Map<number, string[]>()
  for (const id of ids) {
    const slot = parseId(id)?.slot
    if (slot === undefined || slot >= parts.topology.slots) {
      throw refused('not_found', `${id} belongs to no slot of this topology`)
    }
    bySlot.set(slot, [...(bySlot.get(slot) ?? []), id])
  }
  return Promise.all(
    [...bySlot].map(async ([slot, some]) => {
      const answer = await ask(parts, slot, { id: randomUUID(), body: bodyFor(some) })
      if (answer.kind === 'redriven' || answer.kind === 'discarded') return answer
      const why = answer.kind === 'refused' ? answer.reason : answer.kind
      throw refused(answer.kind === 'refused' ? answer.code : 'odd_answer', why)
    }),
  )
}

export async function redrive(
  parts: HandlerParts,
  jobs: Jobs,
  asked: Redrive,
): Promise<Answer<'dlq.redrive'>> {
  const api = createApiClient(parts.nc, { prefix: parts.topology.prefix })
  const { ids, asOf } = await find(api, asked)
  const { dryRun, app, by, reason, version, data, ratePerSecond } = asked
  const answer = { dryRun, matched: ids.length, ids: ids.slice(0, shownMax), asOf }
  if (dryRun || ids.length === 0) return { ...answer, started: [], declined: [] }
  const event = data === undefined ? undefined : await edited(api, ids, data)
  const bodyFor = (dispatches: string[]): LetterBody => ({
    ...{ kind: 'redrive', dispatches, version, by, reason },
    ...(event && { event }),
  })
  const started: { of: string; dispatch: string }[] = []
  const declined: Answer<'dlq.redrive'>['declined'] = []
  const { op, ended } = await jobs.begin({
    ...{ kind: 'redrive', app, by, reason, total: ids.length, ratePerSecond },
    filter: { ...(asked.filter ?? { ids: ids.slice(0, shownMax) }), version },
    next: parting(ids, ratePerSecond, async (some) => {
      const told = await tell(parts, some, bodyFor)
      for (const one of told) {
        if (one.kind === 'redriven') started.push(...one.started.slice(0, shownMax))
        declined.push(...one.declined.slice(0, shownMax))
      }
      const done = told.reduce(
        (sum, one) => sum + (one.kind === 'redriven' ? one.started.length : 0),
        0,
      )
      return { done, declined: some.length - done }
    }),
  })
  // What is little is done before the answer; the rest is told by the operation.
  if (ids.length <= shownMax) await ended
  return {
    ...answer,
    started: started.slice(0, shownMax),
    declined: declined.slice(0, shownMax),
    op,
    asOf: await now(parts),
  }
}

export async function discard(
  parts: HandlerParts,
  jobs: Jobs,
  asked: Discard,
): Promise<Answer<'dlq.discard'>> {
  const api = createApiClient(parts.nc, { prefix: parts.topology.prefix })
  const { ids, asOf } = await find(api, asked)
  const { dryRun, app, by, reason } = asked
  const answer = { dryRun, matched: ids.length, ids: ids.slice(0, shownMax), asOf }
  if (dryRun || ids.length === 0) return { ...answer, discarded: 0, declined: [] }
  let discarded = 0
  const declined: Answer<'dlq.discard'>['declined'] = []
  const { op, ended } = await jobs.begin({
    ...{ kind: 'discard', app, by, reason, total: ids.length },
    filter: { ...(asked.filter ?? { ids: ids.slice(0, shownMax) }) },
    next: parting(ids, undefined, async (some) => {
      const told = await tell(parts, some, (dispatches) => ({
        ...{ kind: 'discard', dispatches, by, reason },
      }))
      const done = told.reduce(
        (sum, one) => sum + (one.kind === 'discarded' ? one.dispatches.length : 0),
        0,
      )
      discarded += done
      for (const one of told) declined.push(...one.declined.slice(0, shownMax))
      return { done, declined: some.length - done }
    }),
  })
  if (ids.length <= shownMax) await ended
  return { ...answer, discarded, declined: declined.slice(0, shownMax), op, asOf: await now(parts) }
}

/** Parts of a list, as large as the pace allows and letters can hold. */
function parting(
  ids: readonly string[],
  ratePerSecond: number | undefined,
  carryOut: (ids: readonly string[]) => Promise<{ done: number; declined: number }>,
) {
  const most = perLetter * lettersAtOnce
  // Ten parts a second at most, so that a pace is one and not a row of bursts.
  const size =
    ratePerSecond === undefined ? most : Math.min(most, Math.max(1, Math.floor(ratePerSecond / 10)))
  let at = 0
  return async () => {
    const some = ids.slice(at, at + size)
    at += some.length
    if (some.length === 0) return undefined
    const parts: (readonly string[])[] = []
    for (let from = 0; from < some.length; from += perLetter) {
      parts.push(some.slice(from, from + perLetter))
    }
    const told = await Promise.all(parts.map(carryOut))
    return {
      done: told.reduce((sum, one) => sum + one.done, 0),
      declined: told.reduce((sum, one) => sum + one.declined, 0),
    }
  }
}

/** The event that one died of, with other data; it keeps its id. */
async function edited(api: ApiClient, ids: readonly string[], data: Plain) {
  const [id] = ids
  if (ids.length !== 1 || id === undefined) {
    throw invalid('edited data is for one dead letter', 'data')
  }
  const { event } = await api.call('dlq.get', { id })
  if (!event) throw refused('event_gone', `the event of ${id} is no longer kept`)
  const digest = sha256.bytes(encode([event.type, data])).slice(0, 32)
  return { ...event, data, digest }
}

export async function rerun(
  parts: HandlerParts,
  { app, id, version, by, reason, dryRun }: Asked<'dispatch.rerun'>,
): Promise<Answer<'dispatch.rerun'>> {
  const api = createApiClient(parts.nc, { prefix: parts.topology.prefix })
  const { dispatch, steps, asOf } = await api.call('dispatch.history', { id, limit: 2 })
  const [first] = steps
  const { origin, event: began } = first?.transition ?? {}
  if (!first || !origin || began?.type !== 'dispatch.started') {
    throw refused('not_kept', `the beginning of ${dispatch.id} is no longer in the journal`)
  }
  const binding = await bindingFor(api, app, origin.binding, version)
  const of = dispatch.id
  if (dryRun) return { dryRun, of, binding, asOf }
  const slot = parseId(of)?.slot ?? 0
  const second = steps[1]?.transition.event
  const limits = began.limits ?? (second?.type === 'predicate.answered' ? second.limits : undefined)
  const letter = randomUUID()
  const answer = await ask(parts, slot, {
    id: letter,
    body: {
      ...{ kind: 'rerun', of, binding, ref: origin.ref, by, reason },
      event: { id: origin.event, tenant: origin.tenant },
      ...(origin.key !== undefined && { key: origin.key }),
      ...(limits && { limits }),
    },
  })
  if (answer.kind === 'refused') throw refused(answer.code, answer.reason)
  const started = answer.kind === 'redriven' ? answer.started[0]?.dispatch : undefined
  const told = await audit(parts, {
    ...{ kind: 'rerun', id: letter, app, by, reason, total: 1, done: 1, state: 'done' },
    filter: { of, binding, dispatch: started },
  })
  return { dryRun, of, binding, ...(started !== undefined && { dispatch: started }), asOf: told }
}

async function bindingFor(
  api: ApiClient,
  app: string,
  key: string,
  version: 'active' | 'same',
): Promise<string> {
  if (version === 'same') return key
  const id = key.slice(0, key.lastIndexOf('@'))
  const { bindings } = await api.call('binding.list', { app, binding: id })
  const active = bindings.find(({ state }) => state === 'active')
  if (!active) throw refused('binding_gone', `${id} has no active version: use version same`)
  return active.key
}

const now = async ({ log, topology }: HandlerParts) => {
  const { journal } = streamNames(topology)
  const { lastSeq } = await log.info(journal)
  return { [journal]: lastSeq }
}
