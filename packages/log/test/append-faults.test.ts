import { describe, expect, test } from 'vitest'
import { natsFixture } from '../../../test/fixture/nats.ts'
import { bytes } from './conformance.ts'
import { createProxy } from './fixture/proxy.ts'
import { api, twoWays } from './fixture/two-ways.ts'

const nats = natsFixture()
const ways = twoWays(nats)

describe('an append whose answer is lost', () => {
  test('with the connection: it is stored once, and says so', async () => {
    const { ours, proxy, to, stored, arrivals, open } = ways()
    // It is the broken connection that must tell it, long before the time is up.
    await using patient = await open(ours, { ackMs: 300_000 })
    await using seen = await arrivals()
    proxy.hold('server')
    const outcome = patient.append(to(0), bytes(1), 0)
    const { seq } = await seen.next()
    proxy.cut()
    expect(await outcome).toEqual({ kind: 'stored', seq })
    expect(await stored()).toHaveLength(1)
  })

  test('for longer than it waits: it is sent again, and still stored once', async () => {
    const { ours, theirs, proxy, to, stored, arrivals, open } = ways()
    await using hasty = await open(ours, { ackMs: 50 })
    await using seen = await arrivals()
    proxy.hold('server')
    const outcome = hasty.append(to(0), bytes(1), 0)
    await seen.next()
    // Wait for a second request to be on its way before the answer to the first may pass.
    const again = theirs.nc.subscribe(to(0), { max: 1 })
    await theirs.nc.flush()
    for await (const _ of again) break
    proxy.pass()
    expect(await outcome).toEqual({ kind: 'stored', seq: 1 })
    expect(await stored()).toHaveLength(1)
  })

  test('and after which somebody else went on: it is still stored', async () => {
    const { ours, theirs, proxy, to, arrivals } = ways()
    await using seen = await arrivals()
    proxy.hold('server')
    const outcome = ours.log.append(to(0), bytes(1), 0)
    await seen.next()
    await theirs.log.append(to(0), bytes(2), 1)
    await theirs.log.append(to(0), bytes(3), 2)
    proxy.cut()
    expect(await outcome).toEqual({ kind: 'stored', seq: 1 })
  })
})

test('an append that never arrived, where somebody else was first, is a conflict', async () => {
  const { ours, theirs, proxy, to, stored } = ways()
  proxy.hold('client')
  const outcome = ours.log.append(to(0), bytes(1), 0)
  await theirs.log.append(to(0), bytes(2), 0)
  proxy.cut()
  expect(await outcome).toEqual({ kind: 'conflict', lastSeq: 1 })
  expect(await stored()).toHaveLength(1)
})

test('an append without a server ends with its signal, and can be made again', async () => {
  const { ours, theirs, proxy, to } = ways()
  const stop = new AbortController()
  proxy.hold('client')
  const outcome = ours.log.append(to(0), bytes(1), 0, { signal: stop.signal })
  const down = Promise.withResolvers<void>()
  const watch = async () => {
    for await (const { type } of ours.nc.status()) if (type === 'disconnect') down.resolve()
  }
  void watch()
  await proxy[Symbol.asyncDispose]()
  await down.promise
  stop.abort(new Error('stopped by the test'))
  await expect(outcome).rejects.toMatchObject({ name: 'LogUnavailable', kind: 'retryable' })
  await expect(outcome).rejects.toHaveProperty('cause')
  ways().proxy = await createProxy(nats.url)
  expect(await theirs.log.append(to(0), bytes(1), 0)).toEqual({ kind: 'stored', seq: 1 })
})

test('a server that is started again is another process: nothing goes to it unasked', async () => {
  const { theirs, to } = ways()
  const { log } = theirs
  const session = log.session()
  await log.append(to(0), bytes(1), 0, { session })
  await nats.restart('SIGKILL')
  expect(await log.append(to(0), bytes(2), 1, { session })).toEqual({ kind: 'restarted' })
  expect(log.session()).not.toBe(session)
  const now = { session: log.session() }
  expect(await log.append(to(0), bytes(2), 1, now)).toEqual({ kind: 'stored', seq: 2 })
})

test('kill -9 of the server under appends: each is stored once, in its place', async () => {
  const { theirs, to, stored, arrivals } = ways()
  let stop = false
  const writers = [0, 1, 2, 3].map(async (slot) => {
    const seqs: number[] = []
    for (let n = 0; !stop; n++) {
      const mark = new TextEncoder().encode(`${slot}:${n}`)
      const outcome = await theirs.log.append(to(slot), mark, seqs.at(-1) ?? 0)
      if (outcome.kind !== 'stored') throw new Error(`${slot}:${n} met another`)
      seqs.push(outcome.seq)
    }
    return seqs
  })
  for (let round = 0; round < 3; round++) {
    await using seen = await arrivals()
    for (let n = 0; n < 50; n++) await seen.next()
    await nats.restart('SIGKILL')
  }
  await using seen = await arrivals()
  await seen.next()
  stop = true
  const seqs = await Promise.all(writers)
  const all = await stored()
  for (const [slot, expected] of seqs.entries()) {
    const own = all.filter(({ subject }) => subject === to(slot))
    expect(own.map(({ seq }) => seq)).toEqual(expected)
    const marks = own.map(({ bytes: payload }) => new TextDecoder().decode(payload))
    expect(marks).toEqual(expected.map((_, n) => `${slot}:${n}`))
  }
})

test('a full stream refuses with a code, and takes again when there is room', async () => {
  const { theirs, stream, to } = ways()
  const { log, nc } = theirs
  const { config } = (await api(nc, `STREAM.INFO.${stream}`)) as { config: object }
  await api(nc, `STREAM.UPDATE.${stream}`, { ...config, max_bytes: 2000 })
  let last = 0
  const fill = async () => {
    for (;;) {
      const outcome = await log.append(to(0), new Uint8Array(300).fill(last), last)
      if (outcome.kind === 'stored') last = outcome.seq
    }
  }
  const full = { name: 'LogFull', kind: 'retryable', serverCode: 10077 }
  await expect(fill()).rejects.toMatchObject(full)
  await expect(log.send(to(1), new Uint8Array(500))).rejects.toMatchObject(full)
  await log.purge(stream, to(0), last)
  expect(await log.append(to(0), bytes(1), last)).toMatchObject({ kind: 'stored' })
})

test('a message larger than the server takes is refused before it is sent', async () => {
  const { theirs, to } = ways()
  const { log, nc } = theirs
  const large = new Uint8Array((nc.info?.max_payload ?? 0) - 10)
  await expect(log.append(to(0), large, 0)).rejects.toMatchObject({ name: 'LogRefused' })
  await expect(log.send(to(0), large)).rejects.toMatchObject({ name: 'LogRefused' })
  expect(await log.append(to(0), bytes(1), 0)).toEqual({ kind: 'stored', seq: 1 })
})
