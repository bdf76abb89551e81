import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBatch } from '../src/bundle.ts'
import {
  createMemoryServer,
  createSender,
  LogFull,
  openMemoryLog,
  sha256,
  subjects,
} from '../src/index.ts'
import type { MemoryFault, MemoryRequest } from '../src/memory/log.ts'
import { topology } from './fixture/topology.ts'

const names = subjects(topology)
const to = names.events(0)

function system(fault?: (request: MemoryRequest) => MemoryFault | undefined) {
  const server = createMemoryServer({ topology, now: () => 0 })
  const log = openMemoryLog({ server, hash: sha256, ...(fault ? { fault } : {}) })
  const stored = () =>
    server
      .stream('EVENTS_g1')
      .slice(() => true, 1)
      .map(({ bytes }) => decodeBatch(bytes).map((item) => item[0]))
  return { log, stored }
}

const item = (n: number): Uint8Array => Uint8Array.of(n)

/** Holds the first request back until it is let go. */
function gate() {
  const opened = Promise.withResolvers<void>()
  let asked = 0
  const fault = (): MemoryFault | undefined =>
    asked++ === 0 ? { kind: 'delayed', until: opened.promise } : undefined
  return { fault, open: () => opened.resolve() }
}

describe('coalescing', () => {
  test('what is sent in one breath goes in one message, and everybody learns his place', async () => {
    const { log, stored } = system()
    const sender = createSender({ log })
    const sent = await Promise.all([1, 2, 3].map((n) => sender.send(to, item(n))))
    expect(stored()).toEqual([[1, 2, 3]])
    expect(sent).toEqual([0, 1, 2].map((index) => ({ seq: 1, index })))
  })

  test('what comes while a message is under way goes in the next one', async () => {
    const { fault, open } = gate()
    const { log, stored } = system(fault)
    const sender = createSender({ log })
    const first = sender.send(to, item(1))
    await Promise.resolve()
    const rest = [2, 3].map((n) => sender.send(to, item(n)))
    open()
    await Promise.all([first, ...rest])
    expect(stored()).toEqual([[1], [2, 3]])
  })

  test('a message closes at its bytes and at its items', async () => {
    const { log, stored } = system()
    const small = { send: log.send.bind(log), messageBytesMax: 300 }
    const sender = createSender({ log: small, limits: { messageItemsMax: 3 } })
    const large = (n: number) => new Uint8Array(100).fill(n)
    await Promise.all([
      ...[1, 2, 3].map((n) => sender.send(to, large(n))),
      ...[4, 5, 6, 7, 8].map((n) => sender.send(to, item(n))),
    ])
    expect(stored()).toEqual([
      [1, 2],
      [3, 4, 5],
      [6, 7, 8],
    ])
  })

  test('an item that fits in no message is refused, and nobody else', async () => {
    const { log } = system()
    const sender = createSender({ log: { send: log.send.bind(log), messageBytesMax: 300 } })
    const big = sender.send(to, new Uint8Array(300))
    await expect(big).rejects.toMatchObject({ name: 'LogRefused', kind: 'terminal' })
    await expect(sender.send(to, item(1))).resolves.toEqual({ seq: 1, index: 0 })
  })
})

describe('bounds', () => {
  test('a full queue refuses at once, and takes again when there is room', async () => {
    const { fault, open } = gate()
    const { log } = system(fault)
    const sender = createSender({ log, limits: { queuedItemsMax: 2, queuedBytesMax: 10 } })
    const taken = [1, 2].map((n) => sender.send(to, item(n)))
    await expect(sender.send(to, item(3))).rejects.toMatchObject({ name: 'LogBusy' })
    open()
    await Promise.all(taken)
    await expect(sender.send(to, new Uint8Array(11))).rejects.toMatchObject({ name: 'LogBusy' })
    await expect(sender.send(to, item(3))).resolves.toBeDefined()
    expect(sender.queued).toEqual({ items: 0, bytes: 0 })
  })

  test('close waits for what was taken and takes no more', async () => {
    const { fault, open } = gate()
    const { log, stored } = system(fault)
    const sender = createSender({ log })
    const taken = sender.send(to, item(1))
    const closed = sender.close()
    await expect(sender.send(to, item(2))).rejects.toMatchObject({ name: 'LogClosed' })
    open()
    await closed
    await taken
    expect(stored()).toEqual([[1]])
  })

  test('a message that fails fails its items, and the next one is sent', async () => {
    const { log, stored } = system()
    const full = new LogFull(to, 10077)
    const script = [() => Promise.reject(full)]
    const send: typeof log.send = (...message) => (script.shift() ?? (() => log.send(...message)))()
    const sender = createSender({ log: { messageBytesMax: 1000, send } })
    const lost = [1, 2].map((n) => sender.send(to, item(n)))
    for (const one of lost) await expect(one).rejects.toBe(full)
    await sender.send(to, item(3))
    expect(stored()).toEqual([[3]])
  })
})

test('every item is stored once in its place, in order per subject, whatever is lost on the way', async () => {
  const faults = fc.array(fc.constantFrom<MemoryFault | undefined>(undefined, 'lost', 'busy'))
  const sends = fc.array(fc.record({ slot: fc.nat(2), pause: fc.boolean() }), { maxLength: 200 })
  await fc.assert(
    fc.asyncProperty(faults, sends, async (script, plan) => {
      const left = [...script]
      const server = createMemoryServer({ topology, now: () => 0 })
      const log = openMemoryLog({ server, hash: sha256, fault: () => left.shift() })
      const sender = createSender({ log, limits: { messageItemsMax: 7 } })
      const sent = plan.map(async ({ slot, pause }, n) => {
        if (pause) await Promise.resolve()
        const subject = names.events(slot)
        return { subject, n, ...(await sender.send(subject, Uint8Array.of(n))) }
      })
      for (const { subject, n, seq, index } of await Promise.all(sent)) {
        const message = server.stream('EVENTS_g1').get(seq)
        expect(message?.subject).toBe(subject)
        expect(decodeBatch(message?.bytes ?? new Uint8Array())[index]).toEqual(Uint8Array.of(n))
      }
      const all = server.stream('EVENTS_g1').slice(() => true, 1)
      expect(all.flatMap(({ bytes }) => decodeBatch(bytes)).length).toBe(plan.length)
    }),
  )
})
