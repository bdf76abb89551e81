import { Decoder, Encoder } from '@msgpack/msgpack'
import { decode, encode } from '../src/codec.ts'

/**
 * Microseconds per call on an entry of a plain dispatch, side by side with the library; the best
 * of several rounds, because the machine has other work. One JSON line.
 * node --conditions=@waybill/source packages/core/bench/codec.bench.ts
 */
const roundsMax = 15
const callsPerRound = 20_000
const entries = Array.from({ length: 1024 }, (_, i) => entry(i))
const wires = entries.map((value) => encode(value))
const library = new Encoder({ sortKeys: true, ignoreUndefined: true })
const libraryDecoder = new Decoder()

const cases = {
  encodeUs: (i: number) => encode(entries[i & 1023]),
  libraryEncodeUs: (i: number) => library.encode(entries[i & 1023]),
  decodeUs: (i: number) => decode(wires[i & 1023] as Uint8Array),
  libraryDecodeUs: (i: number) => libraryDecoder.decode(wires[i & 1023] as Uint8Array),
}

const best = Object.fromEntries(Object.keys(cases).map((name) => [name, Infinity]))
for (let round = 0; round < roundsMax; round++) {
  for (const [name, run] of Object.entries(cases)) {
    const startedAt = performance.now()
    for (let i = 0; i < callsPerRound; i++) run(i)
    best[name] = Math.min(
      best[name] as number,
      ((performance.now() - startedAt) * 1000) / callsPerRound,
    )
  }
}
const rounded = Object.entries(best).map(([name, us]) => [name, Math.round(us * 100) / 100])
console.log(
  JSON.stringify({ bench: 'codec', bytes: wires[0]?.length, ...Object.fromEntries(rounded) }),
)

/** Fields in an author's order; ids and times change, shapes are those of four kinds of step. */
function entry(i: number): unknown {
  const id = `1-7-${(0x5e884898 + i * 7919).toString(16)}da28047151d0e56f8dc629`
  const at = 1_763_690_400_123 + i * 17
  return {
    at,
    input:
      i % 4 === 3
        ? {
            kind: 'result',
            effectId: `${id}:3:0`,
            result: { status: 'ok', value: { count: i, note: 'done' } },
          }
        : {
            kind: 'event',
            ref: {
              stream: 'EVENTS_g1',
              seq: 81_234 + i,
              index: i % 7,
              hash: `9f86d081884c7d659a2feaa0c55ad0${10 + i}`,
            },
            head: {
              type: 'github.pull_request',
              source: 'github',
              tenant: 'acme',
              chain: { root: null, depth: 0, path: [] },
            },
            verdicts: [{ binding: 'pr-review@v3', result: true }],
          },
    facts: [
      {
        kind: 'transition',
        dispatch: {
          id,
          binding: 'pr-review@v3',
          state: { value: 'attempting', attempt: 1 },
          reason: undefined,
        },
        index: 3,
        at,
        transition: {
          event: { type: 'gates.granted', data: { granted: true } },
          from: 'flowGated',
          to: 'attempting',
        },
      },
      { kind: 'timer.armed', timer: { id: `t${i}`, at: at + 30_000 } },
      ...(i % 2 === 0
        ? [{ kind: 'ledger.reserved', ledger: 'concurrency', holder: id, permits: 1 }]
        : []),
    ],
    effects: [{ id: `${id}:3:0`, kind: 'runAttempt', dispatch: id, attempt: 1 }],
  }
}
