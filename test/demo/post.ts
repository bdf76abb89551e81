import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Delivery } from './deliveries.ts'

const accepted = z.looseObject({ id: z.string(), duplicate: z.boolean().optional() })

export interface Posted {
  /** Ids of the events that were acknowledged, each once. */
  readonly ids: ReadonlySet<string>
  readonly duplicates: number
  readonly rejected: number
  /** Answers that were not what they had to be. */
  readonly wrong: readonly string[]
}

const inFlight = 16
const retryMs = 100
const giveUpMs = 120_000

/**
 * Delivers everything, several at a time, as a patient sender does: 503 and a refused connection
 * are tried again with the same delivery id. `halfway` is called once, in the middle of the load.
 */
export async function post(
  base: string,
  all: readonly Delivery[],
  halfway: () => void,
): Promise<Posted> {
  const ids = new Set<string>()
  const wrong: string[] = []
  let duplicates = 0
  let rejected = 0
  let next = 0

  async function worker(): Promise<void> {
    for (let delivery = all[next++]; delivery; delivery = all[next++]) {
      if (next === Math.floor(all.length / 2)) halfway()
      // A duplicate is one only once its first delivery was answered.
      // eslint-disable-next-line no-await-in-loop -- each worker delivers one at a time
      const { status, body } = await deliver(base, delivery)
      judge(delivery, status, body)
    }
  }

  function judge({ name, expect, status: wanted }: Delivery, status: number, body: unknown): void {
    if (expect === 'rejected') {
      rejected += 1
      if (status !== wanted) wrong.push(`${name}: ${status}, not ${wanted}`)
      return
    }
    const answer = accepted.safeParse(body)
    if ((status !== 200 && status !== 202) || !answer.success) {
      wrong.push(`${name}: ${status} ${JSON.stringify(body)}`)
      return
    }
    ids.add(answer.data.id)
    if (expect === 'duplicate') duplicates += 1
  }

  await Promise.all(Array.from({ length: inFlight }, worker))
  return { ids, duplicates, rejected, wrong }
}

async function deliver(
  base: string,
  { path, headers, body }: Delivery,
): Promise<{ status: number; body: unknown }> {
  const deadline = performance.now() + giveUpMs
  for (;;) {
    const answer = await fetch(base + path, { method: 'POST', headers, body }).catch(
      () => undefined,
    )
    if (answer && answer.status !== 503) {
      const text = await answer.text()
      return { status: answer.status, body: parsed(text) }
    }
    if (performance.now() > deadline) return { status: answer?.status ?? 0, body: 'gave up' }
    await pause(retryMs)
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
