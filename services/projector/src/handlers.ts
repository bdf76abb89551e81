import {
  ambiguous,
  type Answer,
  type Asked,
  type AsOf,
  type Call,
  type EndpointName,
  type Handlers,
  invalid,
  notFound,
} from '@waybill/api'
import { headOf } from '@waybill/core'
import { type EventLog, type Topology } from '@waybill/log'
import {
  Ambiguous,
  BadCursor,
  countDispatches,
  countStates,
  createGateReader,
  dispatchesOfEvent,
  explainEvent,
  findDeadLetter,
  findDispatch,
  graphOf,
  groupDeadLetters,
  listBindings,
  listDeadLetters,
  listDispatches,
  listEvents,
  NotFound,
  readHistory,
  readLive,
  readRates,
  resolveId,
  type RowStore,
  summaryOf,
} from '@waybill/projections'
import { detailOf } from './detail.ts'
import { eventOf } from './event.ts'
import { replayOf } from './replay.ts'
import { streamsOf } from './streams.ts'

export interface Sources {
  readonly store: Pick<RowStore, 'db'>
  readonly log: Pick<EventLog, 'hash' | 'get' | 'read' | 'info'>
  readonly topology: Topology
  /** How far the rows are. Asked before they are read: they are never older than it says. */
  readonly asOf: () => AsOf
}

type Query = Extract<
  EndpointName,
  | 'event.get'
  | 'event.explain'
  | 'dispatch.list'
  | 'dispatch.get'
  | 'dispatch.history'
  | 'dispatch.graph'
  | 'dlq.list'
  | 'dlq.get'
  | 'dlq.groups'
  | 'binding.list'
  | 'stats.states'
  | 'live.read'
  | 'stats.rates'
  | 'event.list'
  | 'dispatch.count'
  | 'dispatch.replay'
  | 'stream.list'
>
type Answers = {
  readonly [K in Query]: (asked: Asked<K>, sources: Sources) => Promise<Omit<Answer<K>, 'asOf'>>
}

/** Every question to the read store. Rows come from SQL, what happened from the journal. */
const answers: Answers = {
  async 'event.get'({ id: prefix }, { store: { db }, log }) {
    const id = await resolveId(db, 'event', prefix)
    const dispatches = await dispatchesOfEvent(db, id)
    return { event: await eventOf(db, log, id), dispatches: dispatches.map(summaryOf) }
  },
  async 'event.explain'({ id: prefix, app }, { store: { db }, log }) {
    const id = await resolveId(db, 'event', prefix)
    const verdicts = await explainEvent(db, id, app)
    return { event: headOf(await eventOf(db, log, id)), verdicts: [...verdicts] }
  },
  async 'dispatch.list'(filter, { store: { db } }) {
    const { dispatches, next } = await listDispatches(db, filter)
    return { dispatches: [...dispatches], next }
  },
  async 'dispatch.get'({ id }, { store: { db }, log }) {
    return detailOf({ db, log }, await findDispatch(db, id))
  },
  async 'dispatch.history'({ id, from, limit }, { store: { db }, log }) {
    const row = await findDispatch(db, id)
    const { entries, verified, more } = await readHistory({ db, log }, row, from + limit)
    const read = createGateReader()
    const steps = entries.flatMap(({ fact, entry, ...where }) => {
      if (fact.kind !== 'transition') return []
      const gates = [...read({ entry, fact })]
      if (fact.index < from) return []
      const { at, input } = entry
      const effects = entry.effects.filter((one) => 'dispatch' in one && one.dispatch === row.id)
      return [{ ...where, at, input, transition: fact, effects, gates }]
    })
    return {
      dispatch: summaryOf(row),
      steps: steps.slice(0, limit),
      verified,
      more: more || steps.length > limit,
    }
  },
  async 'dispatch.graph'({ id, scope, upTo }, { store: { db }, log }) {
    const { nodes, edges } = await graphOf({ db, log }, await findDispatch(db, id), scope, upTo)
    return { nodes: [...nodes], edges: [...edges] }
  },
  async 'dlq.list'(filter, { store: { db } }) {
    const { entries, next } = await listDeadLetters(db, filter)
    return { entries: [...entries], next }
  },
  async 'dlq.get'({ id }, { store: { db }, log }) {
    const entry = await findDeadLetter(db, id)
    return { entry, ...(await detailOf({ db, log }, await findDispatch(db, entry.id))) }
  },
  async 'dlq.groups'(filter, { store: { db } }) {
    return { groups: [...(await groupDeadLetters(db, filter))] }
  },
  async 'stats.rates'({ since, until = Date.now(), bucketMs, ...filter }, { store: { db } }) {
    if (until - since > bucketsMax * bucketMs) {
      throw invalid(`more than ${bucketsMax} buckets lie between since and until`, 'bucketMs')
    }
    const buckets = await readRates(db, { ...filter, since, until, bucketMs })
    return { bucketMs, buckets: [...buckets] }
  },
  async 'event.list'(filter, { store: { db } }) {
    const { events, next } = await listEvents(db, filter)
    return { events: [...events], next }
  },
  'dispatch.count': (filter, { store: { db } }) => countDispatches(db, filter),
  async 'dispatch.replay'({ id }, { store: { db }, log }) {
    return replayOf({ db, log }, await findDispatch(db, id))
  },
  async 'stream.list'(_asked, { log, topology }) {
    return { streams: await streamsOf(log, topology) }
  },
  'stats.states': ({ app }, { store: { db } }) => countStates(db, app),
  async 'live.read'({ stream, after, limit }, { store: { db }, log, asOf }) {
    const applied = asOf()[stream]
    if (applied === undefined) throw invalid('it is no journal that is followed here', 'stream')
    const upTo = Math.min(applied, after + limit)
    const read = await readLive({ db, log }, { stream, after, upTo, bytesMax: liveBytesMax })
    return { bundles: [...read.bundles], upTo: read.upTo }
  },
  async 'binding.list'(filter, { store: { db } }) {
    return { bindings: [...(await listBindings(db, filter))] }
  },
}

const bucketsMax = 2000

/** An answer is one NATS message, of which a server may allow as little as 1 MiB. */
const liveBytesMax = 512 * 1024

export function createHandlers(sources: Sources): Pick<Handlers, Query> {
  const handler =
    <K extends Query>(name: K) =>
    async (asked: Asked<K>, _call: Call) => {
      const asOf = sources.asOf()
      try {
        return { ...(await answers[name](asked, sources)), asOf }
      } catch (cause) {
        throw asApiError(cause)
      }
    }
  // Each name keeps its own question and answer, which TypeScript cannot follow through a loop.
  return Object.fromEntries(
    (Object.keys(answers) as Query[]).map((name) => [name, handler(name)]),
  ) as unknown as Pick<Handlers, Query>
}

function asApiError(cause: unknown): unknown {
  if (cause instanceof NotFound) return notFound(cause.kind, cause.id)
  if (cause instanceof Ambiguous) return ambiguous(cause.kind, cause.prefix, cause.candidates)
  if (cause instanceof BadCursor) return invalid(cause.message, 'cursor')
  return cause
}
