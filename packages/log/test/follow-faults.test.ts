import { headers } from '@nats-io/nats-core'
import { expect, test } from 'vitest'
import { natsFixture } from '../../../test/fixture/nats.ts'
import { applyTopology, openLeases } from '../src/index.ts'
import { bytes, take } from './conformance.ts'
import { api, consumers, credit, never, twoWays } from './fixture/two-ways.ts'

const nats = natsFixture()
const ways = twoWays(nats)
/** For facts of the server that come within milliseconds, but perhaps on a busy machine. */
const patience = { timeout: 10_000 }

test('a reader goes on within two seconds of a kill -9, nothing twice and nothing left out', async () => {
  const { theirs, stream, to } = ways()
  const { log } = theirs
  await using reader = log.follow({ stream, subjects: [to(0)], fromSeq: 1 }, never)
  reader.grant(credit)
  const next = take(reader)
  for (let n = 0; n < 5; n++) {
    await log.append(to(0), bytes(n), n)
    expect((await next()).seq).toBe(n + 1)
  }
  const waiting = next()
  await nats.restart('SIGKILL')
  const began = performance.now()
  await log.append(to(0), bytes(9), 5)
  expect((await waiting).seq).toBe(6)
  expect(performance.now() - began).toBeLessThan(2000)
})

test('a read to an end that is gone fails, it does not wait for ever', async () => {
  const { theirs, stream, to, open } = ways()
  await using log = await open(theirs, { patienceMs: 500 })
  // More than a read asks for ahead of whoever takes it.
  await Promise.all(Array.from({ length: 2500 }, (_, n) => log.send(to(0), bytes(n % 256))))
  let taken = 0
  const reading = async (): Promise<void> => {
    for await (const _ of log.read({ stream, subjects: [], fromSeq: 1 })) {
      if (++taken === 1) await api(theirs.nc, `STREAM.PURGE.${stream}`)
    }
  }
  await expect(reading()).rejects.toMatchObject({ name: 'LogUnavailable', kind: 'retryable' })
  expect(taken).toBeGreaterThan(0)
})

test('a reader goes on when its consumer is deleted', async () => {
  const { theirs, stream, to, open } = ways()
  const { nc } = theirs
  // No heartbeat will be missed in time: the server's word for it has to do.
  await using log = await open(theirs, { heartbeatMs: 100_000, pullMs: 300_000 })
  await using reader = log.follow({ stream, subjects: [], fromSeq: 1 }, never)
  reader.grant(credit)
  const next = take(reader)
  await log.send(to(0), bytes(1))
  await next()
  const [consumer] = await consumers(nc, stream)
  await api(nc, `CONSUMER.DELETE.${stream}.${consumer}`)
  await log.send(to(0), bytes(2))
  expect((await next()).seq).toBe(2)
})

test('a reader that misses a message begins again after the last one it has', async () => {
  const { ours, theirs, stream, to, open } = ways()
  const { log, nc } = theirs
  const tapped = Promise.withResolvers<string>()
  // The pull's inbox is nowhere to be asked for; the server's heartbeat to it shows it.
  const tap = ours.nc.subscribe('_INBOX.>', {
    callback: (_, message) => {
      if (message.headers?.code === 100) tapped.resolve(message.subject)
    },
  })
  await ours.nc.flush()
  await using pulsed = await open(theirs, { heartbeatMs: 50 })
  await using reader = pulsed.follow({ stream, subjects: [], fromSeq: 1 }, never)
  reader.grant(credit)
  const next = take(reader)
  await log.send(to(0), bytes(1))
  await next()
  const inbox = await tapped.promise
  tap.unsubscribe()
  const [consumer] = await consumers(nc, stream)
  // Message 2 of this consumer never came: this says it is the third. Only the server may reply to
  // $JS.ACK, and nobody reads that part.
  const reply = `not.ACK.${stream}.${consumer}.1.3.3.1700000000000000000.0`
  nc.publish(inbox, bytes(9), { reply })
  await nc.flush()
  await log.send(to(0), bytes(2))
  expect(await next()).toMatchObject({ seq: 2, bytes: bytes(2) })
  expect(await consumers(nc, stream)).not.toContain(consumer)
})

test('a reader that misses the last message learns it from the next heartbeat', async () => {
  const { ours, theirs, stream, to, open } = ways()
  const pulses: { subject: string; delivered: string }[] = []
  const tap = ours.nc.subscribe('_INBOX.>', {
    callback: (_, { subject, headers }) => {
      if (headers?.code !== 100) return
      pulses.push({ subject, delivered: headers.get('Nats-Last-Consumer') })
    },
  })
  await ours.nc.flush()
  await using pulsed = await open(theirs, { heartbeatMs: 50 })
  await using reader = pulsed.follow({ stream, subjects: [], fromSeq: 1 }, never)
  reader.grant(credit)
  const next = take(reader)
  await theirs.log.send(to(0), bytes(1))
  await next()
  await expect.poll(() => pulses.at(-1)?.delivered, patience).toBe('1')
  tap.unsubscribe()
  const [consumer] = await consumers(theirs.nc, stream)
  // As the server would say it, had it sent a second message that never came.
  const pulse = headers(100, 'Idle Heartbeat')
  pulse.set('Nats-Last-Consumer', '2')
  theirs.nc.publish(pulses.at(-1)?.subject ?? '', undefined, { headers: pulse })
  await expect.poll(() => consumers(theirs.nc, stream), patience).not.toContain(consumer)
  await theirs.log.send(to(0), bytes(2))
  expect((await next()).seq).toBe(2)
})

test('a reader that hears nothing any more begins again', async () => {
  const { ours, theirs, proxy, stream, to, open } = ways()
  await using quick = await open(ours, { heartbeatMs: 40, pullMs: 200, requestMs: 100 })
  await using reader = quick.follow({ stream, subjects: [], fromSeq: 1 }, never)
  reader.grant(credit)
  const next = take(reader)
  await theirs.log.send(to(0), bytes(1))
  await next()
  const [consumer] = await consumers(theirs.nc, stream)
  proxy.hold('server')
  await theirs.log.send(to(0), bytes(2))
  // It gives its consumer up while it hears nothing; that is the fact to wait for.
  await expect.poll(() => consumers(theirs.nc, stream), patience).not.toContain(consumer)
  proxy.pass()
  expect((await next()).seq).toBe(2)
})

test('a pull that ends by its time is made anew', async () => {
  const { theirs, stream, to, open } = ways()
  await using quick = await open(theirs, { heartbeatMs: 20, pullMs: 50 })
  await using reader = quick.follow({ stream, subjects: [], fromSeq: 1 }, never)
  reader.grant({ messages: 2, bytes: 1000 })
  const next = take(reader)
  const pulls = theirs.nc.subscribe(`$JS.API.CONSUMER.MSG.NEXT.${stream}.*`, { max: 4 })
  for await (const _ of pulls) continue
  const [before] = await consumers(theirs.nc, stream)
  await theirs.log.send(to(0), bytes(1))
  expect((await next()).seq).toBe(1)
  expect(await consumers(theirs.nc, stream)).toEqual([before])
})

test('a reader of what was never written begins, whatever else was purged', async () => {
  const { theirs, stream, to } = ways()
  const { log, nc } = theirs
  for (let n = 0; n < 5; n++) await log.send(to(0), bytes(n))
  await log.purge(stream, to(0), 4)
  await using reader = log.follow({ stream, subjects: [to(1)], fromSeq: 1 }, never)
  reader.grant(credit)
  await expect.poll(() => consumers(nc, stream), patience).toHaveLength(1)
  await log.send(to(1), bytes(9))
  expect((await take(reader)()).seq).toBe(6)
})

test('a reader whose stream becomes another one says so, though it has the sequence', async () => {
  const { ours, theirs, proxy, topology, stream, to } = ways()
  await using reader = ours.log.follow({ stream, subjects: [], fromSeq: 1 }, never)
  reader.grant(credit)
  const next = take(reader)
  await theirs.log.send(to(0), bytes(1))
  await next()
  const waiting = next()
  proxy.hold('server')
  await api(theirs.nc, `STREAM.DELETE.${stream}`)
  await applyTopology(theirs.nc, topology)
  for (const n of [1, 2, 3]) await theirs.log.send(to(0), bytes(n))
  proxy.cut()
  await expect(waiting).rejects.toMatchObject({ name: 'PositionLost', stream })
})

test('a reader leaves no consumer behind', async () => {
  const { theirs, stream } = ways()
  const { log, nc } = theirs
  const reader = log.follow({ stream, subjects: [], fromSeq: 1 }, never)
  await expect.poll(() => consumers(nc, stream), patience).toHaveLength(1)
  await reader[Symbol.asyncDispose]()
  await Array.fromAsync(log.read({ stream, subjects: [], fromSeq: 1 }))
  await expect.poll(() => consumers(nc, stream), patience).toEqual([])
})

test('a watch of leases goes on after a kill -9', async () => {
  const { theirs, topology } = ways()
  await using leases = openLeases({ nc: theirs.nc, topology })
  const stop = new AbortController()
  const changes = leases.watch('slot', stop.signal)[Symbol.asyncIterator]()
  const first = await leases.put('slot.1', bytes(1), 0)
  expect((await changes.next()).value).toMatchObject({ key: 'slot.1', revision: first })
  const waiting = changes.next()
  await nats.restart('SIGKILL')
  const second = await leases.put('slot.2', bytes(2), 0)
  expect((await waiting).value).toEqual({ key: 'slot.2', revision: second, value: bytes(2) })
  await changes.return?.()
})
