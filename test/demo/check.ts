import { bindingKey, decode, typeMatches, waybillEvent, type WaybillEvent } from '@waybill/core'
import { decodeBatch, streamNames, type EventLog, type Topology } from '@waybill/log'
import type { App } from '@waybill/sdk'
import type { Seen } from './watch.ts'

export interface Verdict {
  readonly dispatches: number
  readonly states: Readonly<Record<string, number>>
  /** Event and binding pairs that should have come to one end and did not. */
  readonly lost: readonly string[]
  /** Pairs that came to more than one end. */
  readonly doubled: readonly string[]
}

/**
 * Works out from EVENTS and the app's code alone which dispatches there have to be, and holds the
 * journal against it.
 */
export async function check(
  log: EventLog,
  topology: Topology,
  app: App,
  acknowledged: ReadonlySet<string>,
  seen: Seen,
): Promise<Verdict> {
  const stored = await storedEvents(log, topology)
  const lost = [...acknowledged].filter((id) => !stored.has(id)).map((id) => `${id} is not stored`)
  const doubled: string[] = []
  const states: Record<string, number> = {}
  const wanted = new Set<string>()
  for (const event of stored.values()) {
    for (const binding of matching(app, event)) wanted.add(`${event.id} ${binding}`)
  }
  for (const key of wanted) if (!seen.ends.has(key)) lost.push(`${key} has no end`)
  for (const [key, ends] of seen.ends) {
    if (!wanted.has(key)) doubled.push(`${key} should not have been dispatched`)
    if (ends.length > 1) doubled.push(`${key} ended as ${ends.join(' and ')}`)
    for (const state of ends) states[state] = (states[state] ?? 0) + 1
  }
  return { dispatches: seen.ends.size, states, lost, doubled }
}

async function storedEvents(
  log: EventLog,
  topology: Topology,
): Promise<ReadonlyMap<string, WaybillEvent>> {
  const events = new Map<string, WaybillEvent>()
  const stream = streamNames(topology).events
  for await (const { bytes } of log.read({ stream, subjects: [], fromSeq: 1 })) {
    for (const item of decodeBatch(bytes)) {
      const event = waybillEvent.parse(decode(item))
      if (!events.has(event.id)) events.set(event.id, event)
    }
  }
  return events
}

function matching(app: App, event: WaybillEvent): string[] {
  return app.definitions
    .map((definition) => ({ ...definition, version: 1 }))
    .filter(({ on }) => on.some((pattern) => typeMatches(pattern, event.type)))
    .filter((binding) => {
      if (event.chain.depth > binding.maxChainDepth) return true
      const { result, binding: key } = app.verdict(binding, event)
      if (key !== bindingKey(binding)) throw new Error(`a verdict on ${key}`)
      return result === 'matched' || result === 'ask'
    })
    .map(({ id }) => id)
}
