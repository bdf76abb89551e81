import { describe, expect, test } from 'vitest'
import { streamNames, subjects, type Reader, type Stored } from '../src/index.ts'
import type { OpenWorld, World } from './fixture/worlds.ts'

/** What both adapters promise, as stories. The random ones are in adapters.test.ts. */
export function logConformance(name: string, open: OpenWorld): void {
  describe(`event log, ${name}`, () => {
    test('an append under the right expectation is stored, under any other it is a conflict', async () => {
      await using world = await open()
      const { log, to } = place(world)
      expect(await log.append(to(0), bytes(1), 0)).toEqual({ kind: 'stored', seq: 1 })
      expect(await log.append(to(0), bytes(2), 0)).toEqual({ kind: 'conflict', lastSeq: 1 })
      expect(await log.append(to(0), bytes(2), 9)).toEqual({ kind: 'conflict', lastSeq: 1 })
      expect(await log.append(to(1), bytes(3), 1)).toEqual({ kind: 'conflict', lastSeq: 0 })
      expect(await log.append(to(1), bytes(3), 0)).toEqual({ kind: 'stored', seq: 2 })
      expect(await log.append(to(0), bytes(2), 1)).toEqual({ kind: 'stored', seq: 3 })
    })

    test('the same append again is the same message', async () => {
      await using world = await open()
      const { log, stream, to } = place(world)
      await log.append(to(0), bytes(1), 0)
      await log.append(to(0), bytes(2), 1)
      expect(await log.append(to(0), bytes(1), 0)).toEqual({ kind: 'stored', seq: 1 })
      expect(await log.append(to(0), bytes(2), 1)).toEqual({ kind: 'stored', seq: 2 })
      // The bytes are in the log, but not where this expectation would have put them.
      expect(await log.append(to(0), bytes(2), 0)).toEqual({ kind: 'conflict', lastSeq: 2 })
      expect((await log.info(stream)).messages).toBe(2)
    })

    test('an append to another process of the server is not sent', async () => {
      await using world = await open()
      const { log, stream, to } = place(world)
      const session = log.session()
      expect(await log.append(to(0), bytes(1), 0, { session })).toEqual({ kind: 'stored', seq: 1 })
      const other = { session: `${session}-before` }
      expect(await log.append(to(0), bytes(2), 1, other)).toEqual({ kind: 'restarted' })
      expect((await log.info(stream)).messages).toBe(1)
      expect(log.session()).toBe(session)
    })

    test('of many racers one wins, and the others learn whose message is there', async () => {
      await using world = await open()
      const { log, stream, to } = place(world)
      const racers = Array.from({ length: 50 }, (_, n) => log.append(to(0), bytes(n), 0))
      const outcomes = await Promise.all(racers)
      expect(outcomes.filter(({ kind }) => kind === 'stored')).toEqual([{ kind: 'stored', seq: 1 }])
      expect(outcomes.filter(({ kind }) => kind === 'conflict')).toHaveLength(49)
      const winner = outcomes.findIndex(({ kind }) => kind === 'stored')
      expect((await log.get(stream, 1))?.bytes).toEqual(bytes(winner))
    })

    test('a reader gives what is there, and at once what comes', async () => {
      await using world = await open()
      const { log, stream, to } = place(world)
      await log.send(to(0), bytes(1))
      await using reader = log.follow({ stream, subjects: [], fromSeq: 1 }, never)
      reader.grant({ messages: 10, bytes: 1000 })
      const next = take(reader)
      expect((await next()).bytes).toEqual(bytes(1))
      const waiting = next()
      await log.send(to(1), bytes(2))
      expect(await waiting).toMatchObject({ stream, subject: to(1), seq: 2, bytes: bytes(2) })
    })

    test('a reader is never ahead of its credit, in messages or in bytes', async () => {
      await using world = await open()
      const { log, stream, to } = place(world)
      for (let n = 1; n <= 6; n++) await log.send(to(0), new Uint8Array(100).fill(n))
      await using reader = log.follow({ stream, subjects: [to(0)], fromSeq: 1 }, never)
      const next = take(reader)
      const waiting = next()
      expect(await first(waiting, log.info(stream))).toBe('the other')
      reader.grant({ messages: 2, bytes: 10_000 })
      expect((await waiting).seq).toBe(1)
      expect((await next()).seq).toBe(2)
      const third = next()
      expect(await first(third, log.info(stream))).toBe('the other')
      // A debt of 9,800 bytes is still to spend, so this is a grant of one message.
      reader.grant({ messages: 1, bytes: 0 })
      expect((await third).seq).toBe(3)
    })

    test('a message larger than the bytes that are left is still delivered', async () => {
      await using world = await open()
      const { log, stream, to } = place(world)
      await log.send(to(0), new Uint8Array(5000))
      await log.send(to(0), new Uint8Array(1))
      await using reader = log.follow({ stream, subjects: [to(0)], fromSeq: 1 }, never)
      const next = take(reader)
      reader.grant({ messages: 10, bytes: 1 })
      expect((await next()).bytes).toHaveLength(5000)
      const second = next()
      reader.grant({ messages: 0, bytes: 4999 })
      expect(await first(second, log.info(stream))).toBe('the other')
      reader.grant({ messages: 0, bytes: 1000 })
      expect((await second).seq).toBe(2)
    })

    test('a reader ends with its signal, and with its log', async () => {
      await using world = await open()
      const { log, stream } = place(world)
      const stop = new AbortController()
      const range = { stream, subjects: [], fromSeq: 1 }
      const ended = [log.follow(range, stop.signal), log.follow(range, never)].map(
        async (reader) => {
          reader.grant({ messages: 1, bytes: 1 })
          return Array.fromAsync(reader)
        },
      )
      stop.abort()
      expect(await ended[0]).toEqual([])
      await log[Symbol.asyncDispose]()
      expect(await ended[1]).toEqual([])
    })

    test('a reader that would leave something out says so instead', async () => {
      await using world = await open()
      const { log, stream, to } = place(world)
      for (let n = 0; n < 5; n++) await log.send(to(0), bytes(n))
      await log.purge(stream, to(0), 4)
      const from = async (fromSeq: number, slot: number) => {
        await using reader = log.follow({ stream, subjects: [to(slot)], fromSeq }, never)
        reader.grant({ messages: 1, bytes: 1 })
        return (await take(reader)()).seq
      }
      const lost = { name: 'PositionLost', stream, firstSeq: 4, lastSeq: 5 }
      await expect(from(3, 0)).rejects.toMatchObject({ ...lost, fromSeq: 3 })
      await expect(from(7, 0)).rejects.toMatchObject({ ...lost, fromSeq: 7 })
      expect(await from(4, 0)).toBe(4)
    })

    test('a purge leaves the last message, and the expectation that stands on it', async () => {
      await using world = await open()
      const { log, stream, to } = place(world)
      for (let n = 0; n < 3; n++) await log.append(to(0), bytes(n), n)
      expect(await log.purge(stream, to(0), 100)).toEqual({ purged: 2 })
      expect(await log.purge(stream, to(0), 100)).toEqual({ purged: 0 })
      expect(await log.purge(stream, to(1), 100)).toEqual({ purged: 0 })
      expect(await log.append(to(0), bytes(9), 3)).toEqual({ kind: 'stored', seq: 4 })
    })

    test('what no stream takes is refused, not waited for', async () => {
      await using world = await open()
      const { log } = place(world)
      const refused = { name: 'LogRefused', kind: 'terminal' }
      await expect(log.append('elsewhere.1', bytes(1), 0)).rejects.toMatchObject(refused)
      await expect(log.send('elsewhere.1', bytes(1))).rejects.toMatchObject(refused)
      await expect(log.info('ELSEWHERE')).rejects.toMatchObject(refused)
    })

    test('a message of the largest size goes through and comes back', async () => {
      await using world = await open()
      const { log, stream, to } = place(world)
      const large = new Uint8Array(log.messageBytesMax).fill(7)
      const { seq } = await log.send(to(0), large)
      expect((await log.get(stream, seq))?.bytes.length).toBe(large.length)
      const [read] = await Array.fromAsync(log.read({ stream, subjects: [to(0)], fromSeq: 1 }))
      expect(read && log.hash.bytes(read.bytes)).toBe(log.hash.bytes(large))
    })

    test('a closed log says so', async () => {
      await using world = await open()
      const { log, stream, to } = place(world)
      await log[Symbol.asyncDispose]()
      const closed = { name: 'LogClosed' }
      await expect(log.append(to(0), bytes(1), 0)).rejects.toMatchObject(closed)
      await expect(log.info(stream)).rejects.toMatchObject(closed)
    })
  })
}

function place({ topology, log }: World) {
  const names = subjects(topology)
  return {
    log,
    stream: streamNames(topology).journal,
    to: (slot: number) => names.journal('app', slot),
  }
}

export const bytes = (n: number): Uint8Array => Uint8Array.of(1, n)

const never = new AbortController().signal

/** One message after the other out of a reader; fails when it ends. */
export function take(reader: Reader): () => Promise<Stored> {
  const messages = reader[Symbol.asyncIterator]()
  return async () => {
    const { done, value } = await messages.next()
    if (done) throw new Error('the reader ended')
    return value
  }
}

/** Which is there first? The other is a round trip to the same server, made after. */
async function first(one: Promise<unknown>, other: Promise<unknown>): Promise<string> {
  return Promise.race([one.then(() => 'the one'), other.then(() => 'the other')])
}
