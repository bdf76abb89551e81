import { randomUUID } from 'node:crypto'
import type { NatsConnection } from '@nats-io/nats-core'
import { unavailable } from '@waybill/api'
import {
  encode,
  LETTER_VERSION,
  letterAnswer,
  type HostedEventType,
  type Letter,
  type LetterAnswer,
} from '@waybill/core'
import type { Host } from '@waybill/engine'
import { streamNames, subjects, type EventLog, type Topology } from '@waybill/log'
import type { Health } from '@waybill/service'

export interface HandlerParts {
  readonly nc: NatsConnection
  readonly host: Host
  /** Leads ledgers of scope global, where this app has such limits. */
  readonly shared?: Host | undefined
  /** Types that its app knows. */
  readonly events: readonly Pick<HostedEventType, 'type' | 'jsonSchema'>[]
  readonly health: Health
  readonly log: EventLog
  readonly topology: Topology
}

/** Longer than a partition needs to be taken over would make callers think that nobody is there. */
const answerWithinMs = 25_000

/** The answer comes to an inbox of our own, from whichever host leads the partition. */
export async function ask(
  { nc, host }: Pick<HandlerParts, 'nc' | 'host'>,
  slot: number,
  { id, body }: Pick<Letter, 'id' | 'body'>,
): Promise<LetterAnswer> {
  const inbox = `_WAYBILL.reply.${randomUUID()}`
  const answers = nc.subscribe(inbox, { max: 1, timeout: answerWithinMs })
  const from = { kind: 'client' as const, id: 'api' }
  await host.post(slot, { v: LETTER_VERSION, id, from, body, replyTo: inbox })
  try {
    for await (const message of answers) return letterAnswer.parse(message.json())
  } catch {
    // Nobody leads it, or its host has just gone: the letter is stored and will be taken.
  }
  answers.unsubscribe()
  throw unavailable(`slot ${slot} has not answered; the command is stored and will be carried out`)
}

/** Writes down what an operator did. Returns how far OPS and the journal are. */
export async function audit(
  { log, topology }: Pick<HandlerParts, 'log' | 'topology'>,
  record: { readonly kind: string } & Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, number>>> {
  const { journal, ops } = streamNames(topology)
  const bytes = encode({ v: 1, at: Date.now(), ...record })
  const { seq } = await log.send(subjects(topology).op(record.kind), bytes)
  const { lastSeq } = await log.info(journal)
  return { [journal]: lastSeq, [ops]: seq }
}
