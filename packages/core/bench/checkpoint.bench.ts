import { hash as oneShot } from 'node:crypto'
import { createPartition, encodeBuckets, freeze, type Hash } from '@waybill/core'
import { remember } from '../src/partition/dedupe.ts'

/** The longest that a snapshot of a full dedupe window keeps a partition waiting, in ms. */
const hash: Hash = {
  text: (input) => oneShot('sha256', input, 'hex'),
  bytes: (input) => oneShot('sha256', input, 'hex'),
}
const ids = Number(process.argv[2] ?? 1_000_000)
const partition = createPartition({ app: 'bench', generation: 1, slot: 0 }, hash)
for (let n = 0; n < ids; n++) {
  const id = `1-0-${Math.imul(n, 0x9e3779b1) >>> 0}`.padEnd(36, '0').slice(0, 36)
  remember(
    partition.seen,
    n,
    `${id.slice(0, 4)}${hash.text(String(n)).slice(0, 32)}`,
    'd'.repeat(32),
  )
}
let began = performance.now()
const frozen = freeze(partition)
const freezeMs = performance.now() - began
const steps: number[] = []
began = performance.now()
for (const _ of encodeBuckets(hash, frozen)) {
  steps.push(performance.now() - began)
  began = performance.now()
}
steps.sort((a, b) => a - b)
const of = (share: number): number =>
  Number((steps[Math.floor((steps.length - 1) * share)] ?? 0).toFixed(2))
console.log(
  JSON.stringify({
    bench: 'core.checkpoint',
    ids,
    freezeMs: Number(freezeMs.toFixed(2)),
    steps: steps.length,
    p50Ms: of(0.5),
    p99Ms: of(0.99),
    longestMs: of(1),
  }),
)
