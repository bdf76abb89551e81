import { encode, outboxKey, type EffectOf, type EffectResult, type Partition } from '@waybill/core'
import { encodeBatch, LogFault, subjects, type EventLog, type Topology } from '@waybill/log'
import { sleepUntil, type Clock } from './clock.ts'

export interface MailPorts {
  readonly log: EventLog
  readonly topology: Topology
  readonly instance: string
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly delayed: (cause: unknown) => void
  readonly failed: (cause: unknown) => void
}

export type SendLetters = (
  partition: Partition,
  effect: EffectOf<'sendLetters'>,
  result: (effect: string, result: EffectResult) => void,
) => void

const retryMsMin = 50
const retryMsMax = 2000
const envelopeBytes = 64
const itemHeadBytes = 5

/**
 * Puts the letters of a partition into another's mailbox, in their order: no message sets out before
 * the one before it is stored. What is stored twice, because an acknowledgement was lost, is told
 * apart by its number.
 */
export function createMail(ports: MailPorts): SendLetters {
  const { log, topology, instance, clock, signal } = ports
  const { mail } = subjects(topology)

  async function store(subject: string, bytes: Uint8Array): Promise<boolean> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await log.send(subject, bytes, signal)
        return true
      } catch (cause) {
        if (signal.aborted) return false
        if (!(cause instanceof LogFault) || cause.kind !== 'retryable') throw cause
        ports.delayed(cause)
        const delayMs = Math.min(retryMsMax, retryMsMin * 2 ** attempt)
        await sleepUntil(clock, clock.now() + delayMs, signal)
      }
    }
    return false
  }

  async function send(
    partition: Partition,
    { to, upTo }: EffectOf<'sendLetters'>,
  ): Promise<boolean> {
    const { queued } = partition.outbox.get(outboxKey(to)) ?? { queued: [] }
    const items = queued.filter(({ number }) => number <= upTo).map(({ letter }) => encode(letter))
    const subject = mail(to.app, to.slot, to.lane, instance)
    for (const message of messages(items, log.messageBytesMax)) {
      if (!(await store(subject, encodeBatch(message)))) return false
    }
    return true
  }

  return (partition, effect, result) => {
    const { id, to, upTo } = effect
    send(partition, effect).then((stored) => {
      if (stored) result(id, { status: 'posted', to, upTo })
    }, ports.failed)
  }
}

function* messages(
  items: readonly Uint8Array[],
  bytesMax: number,
): Generator<readonly Uint8Array[], void> {
  let message: Uint8Array[] = []
  let bytes = envelopeBytes
  for (const item of items) {
    if (message.length > 0 && bytes + item.length + itemHeadBytes > bytesMax) {
      yield message
      message = []
      bytes = envelopeBytes
    }
    message.push(item)
    bytes += item.length + itemHeadBytes
  }
  if (message.length > 0) yield message
}
