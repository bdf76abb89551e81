import { bindingKey, createPartition, headOf, acceptEvent, step, type Input } from '@waybill/core'
import { sha256, encodeBundle, decodeBundle, decodeEntry } from '@waybill/log'
import { createReplayer } from '../src/replay/partition.ts'
import { binding } from '../test/story.ts'

/** Step and compare, transitions a second: the goal is 40,000. */
const dispatches = Number(process.argv[2] ?? 20_000)
const perBundle = 256
const id = { app: 'bench', generation: 1, slot: 0 }
const one = binding()
const bundles = record()
for (let round = 0; round < 3; round++) replay()
fold()

function record() {
  const partition = createPartition(id, sha256)
  const found: { seq: number; bytes: Uint8Array }[] = []
  let open: Uint8Array[] = []
  let now = 1_750_000_000_000
  const ref = (stream: string, seq: number) => ({ stream, seq, index: 0, hash: '0'.repeat(64) })
  const take = (input: Input) => {
    const { bytes, entry } = step(partition, input, now++)
    open.push(bytes)
    return entry
  }
  const close = () => {
    const header = {
      v: 1 as const,
      rules: 1,
      app: 'bench',
      generation: 1,
      slot: 0,
      epoch: 1,
      number: found.length + 1,
      instance: 'b',
      positions: {},
    }
    found.push({ seq: found.length + 1, bytes: encodeBundle(header, open) })
    open = []
  }
  take({
    kind: 'def',
    ref: ref('DEFS', 1),
    change: {
      v: 1,
      kind: 'deploy',
      app: 'bench',
      number: 1,
      at: now,
      by: 'b',
      manifests: [one],
      active: [bindingKey(one)],
      eventsFrom: { stream: 'EVENTS_g1', seq: 0 },
    },
  })
  take({
    kind: 'epoch',
    epoch: 1,
    instance: 'b',
    incarnation: 'i',
    rules: 1,
    hosts: [one.hash],
    streams: {},
  })
  for (let from = 0; from < dispatches; from += perBundle / 2) {
    const effects: string[] = []
    for (let n = from; n < Math.min(dispatches, from + perBundle / 2); n++) {
      const { event } = acceptEvent(
        {
          type: 'issue.opened',
          source: 'bench',
          data: { n, pad: 'x'.repeat(200) },
          dedupeKey: `k${n}`,
        },
        { hash: sha256, generation: 1, slots: 1, now },
      )
      const done = take({
        kind: 'event',
        ref: ref('EVENTS_g1', n + 1),
        head: headOf(event),
        verdicts: [{ binding: bindingKey(one), result: 'matched' }],
      })
      effects.push(...done.effects.map((effect) => effect.id))
    }
    for (const effect of effects)
      take({ kind: 'result', effect, result: { status: 'succeeded', sent: [], ms: 1 } })
    close()
  }
  return found
}

function replay(): void {
  const replayer = createReplayer(id, sha256)
  const began = performance.now()
  for (const { seq, bytes } of bundles) {
    const diverged = replayer.take({ seq, ...decodeBundle(sha256, bytes) })
    if (diverged) throw new Error(JSON.stringify(diverged))
  }
  const ms = performance.now() - began
  console.log(
    JSON.stringify({
      bench: 'replay',
      transitions: replayer.transitions,
      ms: Math.round(ms),
      perSecond: Math.round((replayer.transitions / ms) * 1000),
    }),
  )
}

function fold(): void {
  const began = performance.now()
  let n = 0
  for (const { bytes } of bundles)
    for (const entry of decodeBundle(sha256, bytes).entries) {
      decodeEntry(entry)
      n++
    }
  const ms = performance.now() - began
  console.log(
    JSON.stringify({
      bench: 'decode with zod',
      entries: n,
      ms: Math.round(ms),
      perSecond: Math.round((n / ms) * 1000),
      us: ((ms / n) * 1000).toFixed(1),
    }),
  )
}
