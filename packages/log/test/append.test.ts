import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createMemoryServer,
  openMemoryLog,
  sha256,
  streamNames,
  subjects,
  type MemoryFault,
} from '../src/index.ts'
import { topology } from './fixture/topology.ts'

const stream = streamNames(topology).journal
const to = subjects(topology).journal('app', 0)

const foreign = Uint8Array.of(255)
const fault = fc.constantFrom<MemoryFault | undefined>(
  undefined,
  undefined,
  'lost',
  'ack-lost',
  'late',
  'busy',
  'in-flight',
)

/** Two hosts on one server, each with a script of what goes wrong with its requests. */
function hosts(scripts: readonly (readonly (MemoryFault | undefined)[])[]) {
  const server = createMemoryServer({ topology, now: () => 0 })
  const logs = scripts.map((script) => {
    const left = [...script]
    return openMemoryLog({ server, hash: sha256, fault: () => left.shift() })
  })
  const stored = () => server.stream(stream).slice(() => true, 1)
  return { logs, stored }
}

describe('whatever is lost on the way', () => {
  test('one host: every append is stored once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 40 }), fc.nat(20), async (script, count) => {
        const { logs, stored } = hosts([script])
        let last = 0
        for (let n = 0; n < count; n++) {
          const outcome = await logs[0]?.append(to, Uint8Array.of(n), last)
          expect(outcome).toEqual({ kind: 'stored', seq: last + 1 })
          last += 1
        }
        expect(stored().map(({ bytes }) => bytes[0])).toEqual(
          Array.from({ length: count }, (_, n) => n),
        )
      }),
    )
  })

  test('several hosts: whoever is told that he is stored is, whoever is told of a conflict is not', async () => {
    const scripts = fc.array(fc.array(fault, { maxLength: 30 }), { minLength: 2, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(scripts, fc.integer({ min: 1, max: 8 }), async (all, rounds) => {
        const { logs, stored } = hosts(all)
        const told = logs.map(() => new Map<number, number>())
        const race = async (host: number) => {
          const log = logs[host]
          let last = 0
          for (let n = 0; n < rounds && log; n++) {
            const mark = host * 50 + n
            const outcome = await log.append(to, Uint8Array.of(mark), last)
            if (outcome.kind === 'restarted') throw new Error('nobody asked for that')
            if (outcome.kind === 'stored') told[host]?.set(outcome.seq, mark)
            last = outcome.kind === 'stored' ? outcome.seq : outcome.lastSeq
          }
        }
        await Promise.all(logs.map((_, host) => race(host)))
        const claimed = told.flatMap((own) => [...own]).sort(([a], [b]) => a - b)
        expect(claimed).toEqual(stored().map(({ seq, bytes }) => [seq, bytes[0]]))
      }),
    )
  })
})

describe('one fault', () => {
  const one = (what: MemoryFault) => hosts([[what]])

  test.each(['ack-lost', 'late', 'lost', 'busy', 'in-flight'] as const)('%s', async (what) => {
    const { logs, stored } = one(what)
    const outcome = await logs[0]?.append(to, Uint8Array.of(1), 0)
    expect(outcome).toEqual({ kind: 'stored', seq: 1 })
    expect(stored()).toHaveLength(1)
  })

  test('overtaken: somebody else was first', async () => {
    const { logs, stored } = one({ kind: 'overtaken', bytes: foreign })
    const outcome = await logs[0]?.append(to, Uint8Array.of(1), 0)
    expect(outcome).toEqual({ kind: 'conflict', lastSeq: 1 })
    expect(stored().map(({ bytes }) => bytes)).toEqual([foreign])
  })

  test('delayed: nothing is known until then', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { logs, stored } = one({ kind: 'delayed', until: promise })
    const outcome = logs[0]?.append(to, Uint8Array.of(1), 0)
    expect(stored()).toHaveLength(0)
    resolve()
    expect(await outcome).toEqual({ kind: 'stored', seq: 1 })
  })

  test('full, after an answer was lost: the lost one counts', async () => {
    const server = createMemoryServer({ topology, now: () => 0, limits: { streamBytesMax: 10 } })
    const script: MemoryFault[] = ['ack-lost']
    const log = openMemoryLog({ server, hash: sha256, fault: () => script.shift() })
    const first = await log.append(to, new Uint8Array(10), 0)
    expect(first).toEqual({ kind: 'stored', seq: 1 })
    const second = log.append(to, new Uint8Array(10), 1)
    await expect(second).rejects.toMatchObject({ name: 'LogFull' })
  })

  test('without end: it is asked again until the signal', async () => {
    const stop = new AbortController()
    let asked = 0
    const server = createMemoryServer({ topology, now: () => 0 })
    const log = openMemoryLog({
      server,
      hash: sha256,
      fault: () => {
        if (++asked === 20) stop.abort(new Error('enough'))
        return 'busy'
      },
    })
    const outcome = log.append(to, Uint8Array.of(1), 0, { signal: stop.signal })
    await expect(outcome).rejects.toMatchObject({ name: 'LogUnavailable', kind: 'retryable' })
    expect(asked).toBe(20)
  })
})

test('a send that is not answered may be stored twice, but never not at all', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fault, { maxLength: 20 }), fc.nat(10), async (script, count) => {
      const { logs, stored } = hosts([script])
      for (let n = 0; n < count; n++) {
        const { seq } = (await logs[0]?.send(to, Uint8Array.of(n))) ?? { seq: 0 }
        expect(stored().find((message) => message.seq === seq)?.bytes).toEqual(Uint8Array.of(n))
      }
    }),
  )
})
