import { createHash, hash as oneShot } from 'node:crypto'
import {
  acceptEvent,
  apply,
  bindingKey,
  createPartition,
  decode,
  defaultTimeouts,
  definitionHash,
  entry as entrySchema,
  headOf,
  step,
  type Entry,
  type Hash,
  type Manifest,
  type Stepped,
} from '@waybill/core'

/** What one dispatch costs a partition: event in, attempt out, result in. No log, no handler. */
const hash: Hash = {
  text: (input) => oneShot('sha256', input, 'hex'),
  bytes: (input) => oneShot('sha256', input, 'hex'),
}

const made: Manifest = {
  v: 1,
  id: 'noop',
  version: 1,
  hash: '0'.repeat(32),
  on: ['bench.event'],
  retry: { kind: 'fixed', delayMs: 1000, maxAttempts: 3, jitter: 'none' },
  timeouts: defaultTimeouts,
  priority: 'normal',
  tier: 'act_auto',
  onPermanentError: 'dlq',
  maxChainDepth: 16,
  poisonMax: 3,
  handler: { kind: 'local', code: 'a'.repeat(32), isolate: false },
}
const binding: Manifest = { ...made, hash: definitionHash(hash, made) }

const count = Number(process.argv[2] ?? 20_000)
const messageHash = createHash('sha256').update('m').digest('hex')
const heads = Array.from({ length: count }, (_, at) =>
  headOf(
    acceptEvent(
      {
        type: 'bench.event',
        source: 'bench',
        data: { at, pad: 'x'.repeat(200) },
        dedupeKey: `${at}`,
      },
      { hash, generation: 1, slots: 1, now: 1 },
    ).event,
  ),
)

function run(): { stepped: Stepped[]; ms: number } {
  const partition = createPartition({ app: 'bench', generation: 1, slot: 0 }, hash)
  const stepped: Stepped[] = []
  const take = (input: Entry['input'], at: number): Stepped => {
    const one = step(partition, input, at)
    stepped.push(one)
    return one
  }
  const ref = { stream: 'DEFS', seq: 1, index: 0, hash: messageHash }
  const key = bindingKey(binding)
  take(
    {
      kind: 'def',
      ref,
      change: {
        v: 1,
        kind: 'deploy',
        app: 'bench',
        number: 1,
        at: 1,
        by: 'bench',
        manifests: [binding],
        active: [key],
        eventsFrom: { stream: 'EVENTS_g1', seq: 0 },
      },
    },
    1,
  )
  const streams = { EVENTS_g1: '2026-01-01T00:00:00Z' }
  take(
    { kind: 'epoch', epoch: 1, instance: 'b', incarnation: 'b', rules: 1, hosts: [], streams },
    1,
  )
  const began = performance.now()
  const inFlight = 128
  for (let from = 0; from < count; from += inFlight) {
    const slice = heads.slice(from, from + inFlight)
    const effects = slice.flatMap((head, index) => {
      const place = { stream: 'EVENTS_g1', seq: from / inFlight + 1, index, hash: messageHash }
      const verdicts = [{ binding: key, result: 'matched' as const }]
      return take({ kind: 'event', ref: place, head, verdicts }, 1000 + from).entry.effects
    })
    for (const { id } of effects) {
      const result = { status: 'succeeded' as const, sent: [], ms: 0 }
      take({ kind: 'result', effect: id, result }, 1000 + from)
    }
  }
  return { stepped, ms: performance.now() - began }
}

function timed(work: () => void): number {
  const began = performance.now()
  work()
  return performance.now() - began
}

const laps = [1, 2, 3, 4, 5].map(() => {
  const { stepped, ms } = run()
  const entries = stepped.map((one) => decode(one.bytes) as unknown as Entry)
  const transitions = 2 * count
  const id = { app: 'bench', generation: 1, slot: 0 }
  const folded = createPartition(id, hash)
  const foldMs = timed(() =>
    entries.forEach((one, at) => apply(folded, one, stepped[at]?.hash ?? '')),
  )
  const again = createPartition(id, hash)
  const replayMs = timed(() => {
    for (const { bytes } of stepped) {
      const recorded = decode(bytes) as unknown as Entry
      const { bytes: anew } = step(again, recorded.input, recorded.at)
      if (Buffer.compare(anew, bytes) !== 0) throw new Error('diverged')
    }
  })
  const parseMs = timed(() =>
    stepped.slice(0, 2000).forEach((one) => entrySchema.parse(decode(one.bytes))),
  )
  const bytes = stepped.reduce((sum, one) => sum + one.bytes.length, 0)
  return {
    microsPerDispatch: Math.round((ms * 1e4) / count) / 10,
    bytesPerDispatch: Math.round(bytes / count),
    replayedPerSecond: Math.round((transitions * 1000) / replayMs),
    foldedPerSecond: Math.round((transitions * 1000) / foldMs),
    parseMicrosPerEntry: Math.round((parseMs * 1e4) / 2000) / 10,
  }
})
laps.sort((a, b) => a.microsPerDispatch - b.microsPerDispatch)
console.log(JSON.stringify({ bench: 'core.step', count, median: laps[2], best: laps[0] }))
