import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { connect } from '@nats-io/transport-node'
import {
  defaultTimeouts,
  definitionHash,
  type Definition,
  type HostedApp,
  type Manifest,
} from '@waybill/core'
import { applyTopology, openJetStreamLog, openLeases, openSnapshots, sha256 } from '@waybill/log'
import { temporaryServer } from '../../../test/fixture/temporary-server.ts'
import { createHost, deployApp } from '../src/index.ts'
import { topology } from './topology.ts'

/*
 * One dispatcher, no-op handlers, a submitter of its own process. Two bundles per dispatch.
 *   node --conditions=@waybill/source packages/engine/bench/dispatch.ts [events] [laps]
 * SYNC=always|default, SLOTS=4, HOT=256, FAILURES=0 (per dispatch, retried at once)
 * GATE=local|remote: a concurrency limit by the events' partition key, or by another key
 */
const count = Number(process.argv[2] ?? 20_000)
const laps = Number(process.argv[3] ?? 5)
const sync = (process.env['SYNC'] ?? 'always') as 'always' | 'default'

const failures = Number(process.env['FAILURES'] ?? 0)
const gate = process.env['GATE']
const refusal = new Error('not yet')

const made: Omit<Definition, 'hash'> & { hash: string } = {
  v: 1,
  id: 'noop',
  hash: '',
  on: ['bench.*'],
  retry: { kind: 'immediate', maxAttempts: 5, jitter: 'none' },
  timeouts: defaultTimeouts,
  priority: 'normal',
  tier: 'act_auto',
  onPermanentError: 'dlq',
  maxChainDepth: 16,
  poisonMax: 3,
  handler: { kind: 'local', code: 'a'.repeat(32), isolate: false },
  ...(gate && {
    flow: {
      limits: [
        {
          name: 'concurrency',
          scope: 'binding',
          rule: { kind: 'concurrency', max: 1000 },
          key: { kind: 'cel', text: 'event.partitionKey' },
        },
      ],
      holdWhileRetrying: false,
    },
  }),
}
const definition: Definition = { ...made, hash: definitionHash(sha256, made) }

let ran = 0
const app: HostedApp<AbortSignal> = {
  name: 'bench',
  definitions: [definition],
  events: [],
  hosts: () => true,
  verdict: (binding: Manifest) => ({
    binding: `${binding.id}@v${binding.version}`,
    result: 'matched',
  }),
  keys: (_, { partitionKey = '' }) => ({
    ok: true,
    keys: [gate === 'local' ? partitionKey : `far-${partitionKey}`],
  }),
  judge: async () => ({ matched: true }),
  run: async (_, { attempt }) => {
    if (attempt <= failures) throw refusal
    ran += 1
    return undefined
  },
}

await using server = await temporaryServer({ sync })
const nc = await connect({ servers: server.url })
await applyTopology(nc, topology)
const log = await openJetStreamLog({ nc, topology, hash: sha256 })
await deployApp(log, topology, app, { by: 'bench' })
let target = Infinity
let reached = Promise.withResolvers<void>()
const host = createHost({
  log,
  leases: openLeases({ nc, topology }),
  snapshots: openSnapshots({ nc, topology }),
  topology,
  app,
  instance: 'bench',
  reply: () => {},
  limits: { hotMax: Number(process.env['HOT'] ?? 256) },
  onCommitted: () => {
    const { asked } = host.counters
    if (asked - host.status().room.hot >= target * (1 + failures)) reached.resolve()
  },
})
const stop = new AbortController()
const running = host.run(stop.signal)
running.catch((cause: unknown) => {
  console.error(cause)
  process.exit(1)
})
while (
  host.status().partitions.filter(({ state }) => state === 'leading').length < topology.slots
) {
  await new Promise((resolve) => setTimeout(resolve, 20))
}
const submitter = fork(fileURLToPath(new URL('./submit.ts', import.meta.url)), [server.url])
await once(submitter, 'message')

async function burst(events: number, inFlight: number): Promise<number> {
  target = ran + events
  reached = Promise.withResolvers()
  const began = performance.now()
  submitter.send({ count: events, inFlight })
  await reached.promise
  return performance.now() - began
}

await burst(2000, 256)
for (let lap = 1; lap <= laps; lap++) {
  const before = { ...host.counters }
  const cpu = process.cpuUsage()
  const ms = await burst(count, 512)
  const used = process.cpuUsage(cpu)
  const { bundles, bundleBytes, appendMs } = host.counters
  const made_ = bundles - before.bundles
  console.log(
    `burst ${Math.round((count * 1000) / ms)}/s`,
    `${made_} bundles, ${Math.round((bundleBytes - before.bundleBytes) / made_)} B,`,
    `append ${((appendMs - before.appendMs) / made_).toFixed(2)} ms,`,
    `cpu ${((used.user + used.system) / count).toFixed(1)} us/dispatch`,
    `busy ${((used.user + used.system) / 1000 / ms).toFixed(2)}`,
  )
}
const latencies: number[] = []
for (let n = 0; n < 500; n++) latencies.push(await burst(1, 1))
latencies.sort((a, b) => a - b)
console.log(
  'send to completed',
  'p50',
  latencies[250]?.toFixed(2),
  'p99',
  latencies[495]?.toFixed(2),
)
submitter.kill()
stop.abort()
await running
await log[Symbol.asyncDispose]()
await nc.close()
process.exit(0)
