import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'

export interface Load {
  /** Ids of the events that were acknowledged. */
  readonly acknowledged: ReadonlySet<string>
  /** The number that the next event would have. */
  readonly next: number
  /** Answers other than an acknowledgement, by status; 0: no answer at all. */
  readonly refused: Readonly<Record<string, number>>
  /** A 503 without `retry-after`, a 4xx: what no sender should ever see. */
  readonly wrong: readonly string[]
  /** Nothing new is sent any more; resolves when all that was sent has its acknowledgement. */
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly inFlight?: number
  /** Between two events of one sender. */
  readonly everyMs?: number
  readonly padBytes?: number
  /** Never more than this many events. */
  readonly eventsMax?: number
  /** The number of the first one; numbers are ids. */
  readonly from?: number
}

const accepted = z.looseObject({ id: z.string() })
const retryMs = 50
const answerWithinMs = 8000
const giveUpMs = 90_000

/** Sends events until it is stopped, each again under the same id until it is acknowledged. */
export function startLoad(ingress: string, options: LoadOptions = {}): Load {
  const { inFlight = 4, everyMs = 10, padBytes = 64, eventsMax = 20_000, from = 0 } = options
  const acknowledged = new Set<string>()
  const refused: Record<string, number> = {}
  const wrong: string[] = []
  const pad = 'x'.repeat(padBytes)
  let next = from
  let stopped = false

  async function send(n: number): Promise<void> {
    const body = JSON.stringify({
      specversion: '1.0',
      id: String(n),
      source: '/chaos',
      type: 'chaos.work',
      data: { n, pad },
    })
    const deadline = performance.now() + giveUpMs
    while (performance.now() < deadline) {
      const answer = await post(ingress, body)
      if (answer.ok) {
        acknowledged.add(accepted.parse(answer.body).id)
        return
      }
      refused[answer.status] = (refused[answer.status] ?? 0) + 1
      if (answer.wrong !== undefined) wrong.push(answer.wrong)
      await pause(retryMs)
    }
    wrong.push(`event ${n} was never acknowledged`)
  }

  async function sender(): Promise<void> {
    while (!stopped && next < from + eventsMax) {
      await send(next++)
      await pause(everyMs)
    }
  }

  const senders = Promise.all(Array.from({ length: inFlight }, sender))
  return {
    acknowledged,
    get next() {
      return next
    },
    refused,
    wrong,
    async stop() {
      stopped = true
      await senders
    },
  }
}

interface Answer {
  readonly ok: boolean
  readonly status: number
  readonly body: unknown
  readonly wrong?: string
}

async function post(ingress: string, body: string): Promise<Answer> {
  try {
    const response = await fetch(`${ingress}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body,
      signal: AbortSignal.timeout(answerWithinMs),
    })
    const { ok, status } = response
    const text = await response.text()
    if (ok) return { ok, status, body: JSON.parse(text) }
    const isAsked = status === 503 && response.headers.has('retry-after')
    return { ok, status, body: text, ...(isAsked ? {} : { wrong: `${status} ${text}` }) }
  } catch {
    return { ok: false, status: 0, body: undefined }
  }
}
