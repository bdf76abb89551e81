import { acceptEvent, encode } from '@waybill/core'
import { createSender, openJetStreamLog, sha256, subjects } from '@waybill/log'
import { connect } from '@nats-io/transport-node'
import { topology } from './topology.ts'

/** The submitter's process: `burst <count> <inFlight>` or `single`, one a line, from its parent. */
const nc = await connect({ servers: process.argv[2] ?? '' })
const log = await openJetStreamLog({ nc, topology, hash: sha256 })
const sender = createSender({ log })
const pad = 'x'.repeat(200)
let sent = 0

async function sendOne(): Promise<void> {
  const n = sent++
  const partitionKey = `p${n % 64}`
  const { event, slot } = acceptEvent(
    { type: 'bench.noop', source: 'bench', data: { pad, n }, dedupeKey: `k${n}`, partitionKey },
    { hash: sha256, generation: topology.generation, slots: topology.slots, now: Date.now() },
  )
  await sender.send(subjects(topology).events(slot), encode(event))
}

process.on('message', (message: { count: number; inFlight: number }) => void burst(message))
process.on('disconnect', () => process.exit(0))

async function burst({ count, inFlight }: { count: number; inFlight: number }): Promise<void> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await sendOne()
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  process.send?.({ done: count })
}
process.send?.({ ready: true })
