import type { Outcome } from '@waybill/core'
import type { Kysely } from 'kysely'
import { readHeld } from '../held.ts'
import type { DispatchTable, DuplicateTable, EventTable, Tables } from '../tables.ts'
import { keysOf, manifestOf } from './bindings.ts'
import { splitBinding } from './conditions.ts'
import { dispatchesOfSighting, releasesOf } from './dispatches.ts'

/** What became of an event at one binding (rule 1.6). */
export interface EventVerdict {
  readonly app: string
  readonly binding: string
  readonly verdict:
    | 'matched'
    | 'type_mismatch'
    | 'filtered'
    | 'predicate_error'
    | 'asked'
    | 'refused'
    | 'paused'
    | 'before_deploy'
    | 'not_read'
  readonly reason?: string
  readonly dispatch?: string
}

/**
 * Every binding that there was when the event came, with its verdict. Bindings whose types did not
 * match were never asked and stand nowhere: they are what the definitions of that moment hold
 * besides.
 *
 * @param id a whole id of an event that at least one app has read
 */
export async function explainEvent(
  db: Kysely<Tables>,
  id: string,
  app?: string,
): Promise<readonly EventVerdict[]> {
  const sightings = await db
    .selectFrom('event')
    .selectAll()
    .where('id', '=', id)
    .orderBy('seq', 'desc')
    .execute()
  const repeats = await db.selectFrom('event_duplicate').selectAll().where('id', '=', id).execute()
  const verdicts: EventVerdict[] = []
  for (const name of await apps(db, app)) {
    // Taken for new a second time, after the dedupe window: the newest one is what is asked about.
    const seen = sightings.find((one) => one.app === name)
    const repeat = repeats.find((one) => one.app === name)
    verdicts.push(...(seen ? await judged(db, seen, repeat) : await unread(db, name, sightings[0])))
  }
  return verdicts
}

async function apps(db: Kysely<Tables>, only: string | undefined): Promise<readonly string[]> {
  if (only !== undefined) return [only]
  const rows = await db.selectFrom('definition').select('app').distinct().orderBy('app').execute()
  return rows.map(({ app }) => app)
}

type Judged = readonly (readonly [binding: string, result: string, reason?: string])[]

async function judged(
  db: Kysely<Tables>,
  seen: EventTable,
  repeat: DuplicateTable | undefined,
): Promise<readonly EventVerdict[]> {
  const results = await resultsOf(db, seen)
  // Not every change of an app is a deploy: the latest one by then tells what was active.
  const active = await db
    .selectFrom('definition')
    .select('active')
    .where('app', '=', seen.app)
    .where('number', '<=', seen.definitions)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  const dispatches = await dispatchesOfSighting(db, seen)
  const verdicts: EventVerdict[] = []
  for (const binding of active ? keysOf(active.active).toSorted() : []) {
    const result = results.get(binding)
    const at = { app: seen.app, binding }
    const by = result?.by ?? binding
    const started = dispatches.find((one) => `${one.binding}@v${one.version}` === by)
    if (result) verdicts.push({ ...at, ...decided(result, started, seen, repeat) })
    else verdicts.push({ ...at, ...(await mismatch(db, seen, binding)) })
  }
  return verdicts
}

interface Result {
  readonly result: string
  readonly reason: string | undefined
  /** The version that was given it, where that was later and another one. */
  readonly by?: string
}

/** By the bindings of that moment; of those that were paused, what was found when they got it. */
async function resultsOf(
  db: Kysely<Tables>,
  seen: EventTable,
): Promise<ReadonlyMap<string, Result>> {
  const later = new Map<string, Result>()
  for (const { verdicts } of await releasesOf(db, seen)) {
    for (const [by, result, reason] of JSON.parse(verdicts) as Judged) {
      later.set(splitBinding(by).id, { result, reason, by })
    }
  }
  return new Map(
    (JSON.parse(seen.verdicts) as Judged).map(([key, result, reason]) => {
      const given = result === 'paused' ? later.get(splitBinding(key).id) : undefined
      return [key, given ?? { result, reason }]
    }),
  )
}

type Decided = Omit<EventVerdict, 'app' | 'binding'>

function decided(
  { result, reason }: Result,
  started: DispatchTable | undefined,
  seen: EventTable,
  repeat: DuplicateTable | undefined,
): Decided {
  if (result === 'paused') return { verdict: 'paused', reason: 'it is given it after a resume' }
  const why = reason === undefined ? {} : { reason }
  if (!started) return { verdict: result === 'error' ? 'predicate_error' : 'filtered', ...why }
  const dispatch = started.id
  if (result === 'unjudged') {
    const loop = `chain depth ${seen.depth} is more than the binding allows`
    return { verdict: 'refused', reason: loop, dispatch }
  }
  if (result === 'ask') return { ...answered(started), dispatch }
  const reasons = [reason, stopped(started), repeated(repeat)].filter((one) => one !== undefined)
  return { verdict: 'matched', ...(reasons[0] && { reason: reasons.join('; ') }), dispatch }
}

/** An asynchronous predicate is judged by what its dispatch went on to do. */
function answered(started: DispatchTable): Decided {
  const { state, attempt } = started
  const ended = outcomeOf(started)
  if (ended?.status === 'skipped' && ended.stage === 'predicate') {
    const failed = ended.reason.startsWith('predicate.error')
    return { verdict: failed ? 'predicate_error' : 'filtered', reason: ended.reason }
  }
  if (state === 'predicate' || (state === 'waiting' && attempt === 0)) return { verdict: 'asked' }
  const reason = stopped(started)
  return { verdict: 'matched', ...(reason !== undefined && { reason }) }
}

const outcomeOf = ({ outcome }: DispatchTable): Outcome | undefined =>
  outcome === null ? undefined : (JSON.parse(outcome) as Outcome) // written from one

/** It matched and does not run: which limit said so, with which numbers. */
function stopped(started: DispatchTable): string | undefined {
  if (started.held !== null) return readHeld(started.held).why
  const ended = outcomeOf(started)
  if (ended?.status === 'skipped') return `skipped by ${ended.reason}`
  return ended?.status === 'superseded' ? `superseded by ${ended.by}` : undefined
}

function repeated(repeat: DuplicateTable | undefined): string | undefined {
  if (!repeat) return undefined
  const { duplicates, divergent } = repeat
  const other = divergent === 0 ? '' : `, ${divergent} of them with other content`
  return `came ${duplicates} more times${other}: answered, and not dispatched again`
}

async function mismatch(
  db: Kysely<Tables>,
  { app, type }: EventTable,
  binding: string,
): Promise<Decided> {
  const { id, version = 0 } = splitBinding(binding)
  const row = await db
    .selectFrom('binding')
    .select('manifest')
    .where('app', '=', app)
    .where('binding', '=', id)
    .where('version', '=', version)
    .executeTakeFirst()
  const on = row ? manifestOf(row).on.join(', ') : 'other types'
  return { verdict: 'type_mismatch', reason: `it is on ${on}, the event is ${type}` }
}

/** No partition of the app has taken the event for new: it came too early, or it is yet to come. */
async function unread(
  db: Kysely<Tables>,
  app: string,
  elsewhere: EventTable | undefined,
): Promise<readonly EventVerdict[]> {
  const changes = await db
    .selectFrom('definition')
    .selectAll()
    .where('app', '=', app)
    .orderBy('number')
    .execute()
  const [first] = changes
  const last = changes.at(-1)
  if (!first || !last) return []
  const { stream, seq } = JSON.parse(first.events_from) as { stream: string; seq: number }
  const early = elsewhere?.stream === stream && elsewhere.seq <= seq
  return keysOf(last.active)
    .toSorted()
    .map((binding) => ({
      app,
      binding,
      verdict: early ? 'before_deploy' : 'not_read',
      reason: early
        ? `the app was deployed after message ${seq} of ${stream}`
        : 'its partition has not read that far',
    }))
}
