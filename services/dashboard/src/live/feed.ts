import { type ApiClient, ApiError, unavailable } from '@waybill/api'
import { streamNames, type Topology } from '@waybill/log'
import { liveBundle, type LiveBundle } from '@waybill/projections'
import type { connectNats, Logger, Scope } from '@waybill/service'
import { createBoard, type FeedListener, type LiveStatus } from './board.ts'

type Connection = Awaited<ReturnType<typeof connectNats>>

/** What happens, for whoever watches: one subscription for all of them. */
export interface Feed {
  /** Journal's stream: sequences mean nothing without it. */
  readonly stream: string
  status(): LiveStatus
  /** The last sequence that was told of; undefined: no projector has said where it is. */
  last(): number | undefined
  /** From the journal, where memory does not reach back so far. */
  after(seq: number): Promise<readonly LiveBundle[] | TooMuch>
  /**
   * Tells what comes after this sequence from now on, what is in memory first; undefined: memory
   * does not reach back so far, read the journal before.
   */
  listen(seq: number, listener: FeedListener): Disposable | undefined
}

export interface TooMuch {
  readonly why: string
}

/** Bundles that are read from the journal for one who was away; beyond it, he looks anew. */
const missedMax = 5000
const readMax = 500
const gone = 'the journal no longer holds what was missed'
/** How often the projector is asked how far it is. */
const lookEveryMs = 2000

export interface FeedOptions {
  readonly nc: Connection
  readonly client: ApiClient
  readonly topology: Topology
  readonly log: Logger
}

export async function openFeed(scope: Scope, options: FeedOptions): Promise<Feed> {
  const { nc, topology, log } = options
  const follower = createFollower(options)
  const inTurn = createLine(log)
  const subscription = nc.subscribe(`${topology.prefix}.live.*.*`)
  await nc.flush()
  await follower.look(true)
  scope.run('live', async (signal) => {
    signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true })
    for await (const message of subscription) {
      const bundle = liveBundle.safeParse(message.json())
      if (bundle.success) await inTurn(() => follower.take(bundle.data))
    }
  })
  scope.run('live status', async (signal) => {
    for await (const isLinked of looks(nc, signal)) await inTurn(() => follower.look(isLinked()))
  })
  return follower
}

interface Follower extends Feed {
  /** What a projector told of. */
  take(bundle: LiveBundle): Promise<void>
  /** Asks the projector how far it is: what was told while nobody listened is read. */
  look(isLinked: boolean): Promise<void>
}

function createFollower({ client, topology, log }: FeedOptions): Follower {
  const stream = streamNames(topology).journal
  const board = createBoard()
  const { ring } = board
  let known = false

  function reset(seq: number, why: string): void {
    log.warn({ stream, from: ring.last, to: seq, why }, 'watchers look anew')
    board.reset(seq, why)
  }

  /** Up to this sequence, from the journal. What was there at the beginning is not told of. */
  async function catchUp(seq: number): Promise<void> {
    if (!known) ring.skipTo(seq)
    known = true
    while (ring.last < seq) {
      const missed = seq - ring.last
      if (missed > missedMax) return reset(seq, `${missed} bundles were missed`)
      const bundles = await read(ring.last, Math.min(missed, readMax))
      if (bundles === undefined) return reset(seq, gone)
      for (const bundle of bundles) board.push(bundle)
    }
  }

  /** At least one; undefined: some of them are not there any more. */
  async function read(after: number, limit: number): Promise<readonly LiveBundle[] | undefined> {
    const { bundles, upTo } = await client.call('live.read', { stream, after, limit })
    return bundles.length > 0 && bundles.length === upTo - after ? bundles : undefined
  }

  return {
    stream,
    status: board.status,
    listen: board.listen,
    last: () => (known ? ring.last : undefined),
    async take(bundle) {
      // One that is told of twice, or of another generation than is followed here.
      if (bundle.generation !== topology.generation || (known && bundle.seq <= ring.last)) return
      await catchUp(bundle.seq - 1)
      if (bundle.seq > ring.last) board.push(bundle)
    },
    async look(isLinked) {
      if (!isLinked) return board.tell({ connected: false, why: 'NATS is not there' })
      try {
        const { applied, head } = await farthest(client, stream)
        if (known && head < ring.last) reset(applied, 'the journal is another one')
        await catchUp(applied)
        board.tell({ connected: true, behind: head - applied, asOf: { [stream]: ring.last } })
      } catch (cause) {
        if (!(cause instanceof ApiError)) throw cause
        board.tell({ connected: false, why: cause.body.why ?? cause.message })
      }
    },
    async after(seq) {
      const missed = ring.last - seq
      if (missed > missedMax) return { why: `${missed} bundles were missed` }
      return (await read(seq, readMax)) ?? { why: gone }
    },
  }
}

/** Of several projectors the one that has read most. */
async function farthest(
  client: ApiClient,
  stream: string,
): Promise<{ readonly applied: number; readonly head: number }> {
  const answers = await client.callEach('projection.status', {}, { timeoutMs: 2000 })
  const [best] = answers
    .flatMap(({ projections }) => projections)
    .filter((row) => row.partition === undefined && row.stream === stream)
    .sort((a, b) => b.applied - a.applied)
  if (best === undefined) throw unavailable(`no projector follows ${stream}`)
  return best
}

/** One thing after the other: a look at the projector must not overtake a bundle. */
function createLine(log: Logger): (work: () => Promise<void>) => Promise<void> {
  let before: Promise<void> = Promise.resolve()
  return (work) => {
    before = before.then(work).catch((cause: unknown) => log.warn({ err: cause }, 'live updates'))
    return before
  }
}

/** Now and then, and at once when the connection is lost or back: whether it is there. */
async function* looks(nc: Connection, signal: AbortSignal): AsyncGenerator<() => boolean> {
  let wake = Promise.withResolvers<void>()
  let isLinked = true
  // Ends with the connection, which outlives this loop.
  void (async () => {
    for await (const { type } of nc.status()) {
      if (type !== 'disconnect' && type !== 'reconnect') continue
      isLinked = type === 'reconnect'
      wake.resolve()
    }
  })()
  signal.addEventListener('abort', () => wake.resolve(), { once: true })
  while (!signal.aborted) {
    const timer = setTimeout(() => wake.resolve(), lookEveryMs)
    await wake.promise
    clearTimeout(timer)
    wake = Promise.withResolvers()
    if (!signal.aborted) yield () => isLinked
  }
}
