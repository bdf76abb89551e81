import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AuthorizationError, type NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { natsFixture } from '../../../test/fixture/nats.ts'
import { applyTopology, openJetStreamLog, sha256, streamNames, subjects } from '../src/index.ts'
import { bytes, take } from './conformance.ts'
import { topology } from './fixture/topology.ts'
import { never } from './fixture/two-ways.ts'

const nats = natsFixture()
const names = subjects(topology)
const { events, mail } = streamNames(topology)
const inboxPrefix = '_INBOX_door'

/** What a process that only takes events in may do, and nobody else's answers to read. */
const permissions = {
  publish: [
    'wb.event.>',
    '$JS.API.STREAM.INFO.*',
    // Consumers may be made of one stream, but not pulled from.
    `$JS.API.CONSUMER.CREATE.${mail}.>`,
  ],
  subscribe: [`${inboxPrefix}.>`],
}
const users = [
  { user: 'all', password: 'a' },
  { user: 'door', password: 'd', permissions },
]

let nc: NatsConnection
let operator: NatsConnection
beforeAll(async () => {
  const { dir, pid } = nats.server
  await appendFile(join(dir, 'nats.conf'), `\nauthorization: { users: ${JSON.stringify(users)} }\n`)
  process.kill(pid, 'SIGHUP')
  const servers = nats.url
  // The reload is done when a connection without a name is refused, and for that reason.
  const reloaded = async () => {
    const outcome = await connect({ servers }).then(
      (open) => open.close(),
      (cause: unknown) => cause,
    )
    expect(outcome).toBeInstanceOf(AuthorizationError)
  }
  await vi.waitFor(reloaded, { timeout: 10_000 })
  operator = await connect({ servers, user: 'all', pass: 'a' })
  await applyTopology(operator, topology)
  nc = await connect({ servers, user: 'door', pass: 'd', inboxPrefix })
})
afterAll(() => Promise.all([nc, operator].map((one) => one.close())))

test('what is permitted works under an inbox of its own', async () => {
  await using log = await openJetStreamLog({ nc, topology, hash: sha256 })
  expect(await log.send(names.events(0), bytes(1))).toEqual({ seq: 1 })
  expect(await log.append(names.events(1), bytes(1), 0)).toEqual({ kind: 'stored', seq: 2 })
})

test('what is denied is refused at once, and not asked again for ever', async () => {
  await using log = await openJetStreamLog({ nc, topology, hash: sha256 })
  const refused = { name: 'LogRefused', kind: 'terminal' }
  await expect(log.send(names.journal('app', 0), bytes(1))).rejects.toMatchObject(refused)
  await expect(log.append(names.journal('app', 0), bytes(1), 0)).rejects.toMatchObject(refused)
  await expect(log.last(events, names.events(0))).rejects.toMatchObject(refused)
  for (const stream of [events, mail]) {
    await using reader = log.follow({ stream, subjects: [], fromSeq: 1 }, never)
    reader.grant({ messages: 1, bytes: 1000 })
    await expect(take(reader)()).rejects.toMatchObject(refused)
  }
  expect(await log.send(names.events(0), bytes(2))).toEqual({ seq: 3 })
})
