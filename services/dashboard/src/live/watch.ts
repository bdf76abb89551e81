import { HttpError } from '@waybill/api/http'
import type { Logger } from '@waybill/service'
import type { FeedListener, LiveStatus } from './board.ts'
import type { Feed } from './feed.ts'
import { createPace } from './pace.ts'
import { createSse, type SseStream } from './sse.ts'

export interface WatchOptions {
  readonly feed: Feed
  readonly clientsMax: number
  readonly transitionsPerSecond: number
  readonly bytesMax: number
  readonly log: Logger
  /** Aborted: all streams end, and come back elsewhere. */
  readonly stopping: AbortSignal
}

export interface Watched {
  /** Empty: all. */
  readonly apps: ReadonlySet<string>
  /** `<stream>:<sequence>`: the last that was seen. */
  readonly lastId: string | undefined
}

export interface Watches {
  readonly size: number
  /** A stream of server-sent events. */
  open(watched: Watched): ReadableStream<Uint8Array>
}

/** One for each open page, all fed by one subscription. */
export function createWatches(options: WatchOptions): Watches {
  const { feed, clientsMax, bytesMax, log, stopping } = options
  const open = new Set<SseStream>()
  stopping.addEventListener('abort', () => open.forEach((stream) => stream.end()))
  return {
    get size() {
      return open.size
    },
    open(watched) {
      if (open.size >= clientsMax || stopping.aborted) throw tooMany(clientsMax)
      const ended = new AbortController()
      const sse = createSse(bytesMax, () => {
        open.delete(sse)
        ended.abort()
      })
      open.add(sse)
      const listener = listenerFor(sse, watched, options, ended.signal)
      // It comes back by itself, and finds the journal readable again or not.
      resume(feed, listener, watched, ended.signal).catch((cause: unknown) => {
        log.warn({ err: cause }, 'a watcher could not go on')
        sse.end()
      })
      return sse.body
    },
  }
}

interface Watcher extends FeedListener {
  /** Everything up to here is told of, or not wanted. */
  startAt(seq: number): void
}

function listenerFor(
  sse: SseStream,
  { apps }: Watched,
  { feed, transitionsPerSecond: perSecond }: WatchOptions,
  ended: AbortSignal,
): Watcher {
  const idOf = (seq: number) => `${feed.stream}:${seq}`
  let position: number | undefined
  const pace = createPace({
    perSecond,
    now: () => performance.now(),
    tell(bundle, place) {
      position = place ?? position
      const id = place === undefined ? {} : { id: idOf(place) }
      sse.send({ event: 'bundle', data: bundle, ...id })
    },
  })
  ended.addEventListener('abort', () => pace[Symbol.dispose]())
  const onStatus = (data: LiveStatus) =>
    sse.send({ event: 'status', data, ...(position !== undefined && { id: idOf(position) }) })
  return {
    onStatus,
    onBundle(bundle) {
      if (apps.size === 0 || apps.has(bundle.app)) pace.take(bundle)
      else if (pace.isIdle()) position = bundle.seq
    },
    onReset(why) {
      position = feed.last()
      sse.send({ event: 'reset', data: { why }, ...(position && { id: idOf(position) }) })
    },
    startAt(seq) {
      position = seq
      onStatus(feed.status())
    },
  }
}

/** First what was missed, then what happens. */
async function resume(
  feed: Feed,
  watcher: Watcher,
  { lastId }: Watched,
  ended: AbortSignal,
): Promise<void> {
  const newest = () => feed.last() ?? 0
  const place = placeOf(lastId, feed)
  let from = place ?? newest()
  watcher.startAt(from)
  if (place === undefined && lastId !== undefined) watcher.onReset('the journal is another one')
  while (!ended.aborted) {
    const listening = feed.listen(from, watcher)
    if (listening) return ended.addEventListener('abort', () => listening[Symbol.dispose]())
    const missed = await feed.after(from)
    if ('why' in missed) {
      watcher.onReset(missed.why)
      from = newest()
    } else {
      for (const bundle of missed) watcher.onBundle(bundle)
      from = missed.at(-1)?.seq ?? newest()
    }
  }
}

/** Undefined: it names no place in this journal. */
function placeOf(id: string | undefined, feed: Feed): number | undefined {
  const [, stream, seq] = /^(.+):(\d{1,15})$/.exec(id ?? '') ?? []
  const last = feed.last()
  if (stream !== feed.stream || last === undefined || Number(seq) > last) return undefined
  return Number(seq)
}

const tooMany = (clientsMax: number): HttpError =>
  new HttpError(503, {
    kind: 'unavailable',
    code: 'WB6006',
    what: 'there are too many live streams',
    why: `${clientsMax} are open at most`,
    retryAfterMs: 5000,
  })
