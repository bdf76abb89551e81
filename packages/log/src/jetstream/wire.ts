import type { Answer, Message, Wire } from '../append.ts'
import { LogRefused } from '../fault.ts'
import {
  denied,
  failed,
  faultOf,
  isTransient,
  messageOf,
  parseJson,
  pause,
  serverCodes,
  type ApiLimits,
} from './api.ts'
import type { Link } from './link.ts'

export interface WireLimits extends ApiLimits {
  /** A message not acknowledged by then is sent again. */
  readonly ackMs: number
}

/** Publishes and reads back in the stream that `streamFor` names. */
export function createWire(
  link: Link,
  limits: WireLimits,
  streamFor: (subject: string) => string | undefined,
  replicas: number,
): Wire {
  const stream = (subject: string): string => {
    const found = streamFor(subject)
    if (found !== undefined) return found
    throw new LogRefused(subject, 'no stream takes this subject')
  }
  return {
    // With the pauses between them about 12 s; an old leader was seen to be stale for longer than 10.
    staleAnswersMax: replicas > 1 ? 16 : 0,
    session: () => link.serverId,
    pause: (attempt, signal) => pause(link, attempt, signal),
    after: (subject, seq, signal) => {
      const query = { seq: seq + 1, next_by_subj: subject }
      return messageOf(link, limits, stream(subject), query, signal)
    },
    last: (subject, signal) =>
      messageOf(link, limits, stream(subject), { last_by_subj: subject }, signal),
    publish: async (message) => {
      // A typing error in a subject would otherwise look like a stream without a leader, for ever.
      stream(message.subject)
      return publish(link, limits, message)
    },
  }
}

async function publish(link: Link, { ackMs }: WireLimits, message: Message): Promise<Answer> {
  const { subject, bytes } = message
  const headers = headersOf(message)
  if (bytes.length + (headers?.length ?? 0) + headerFrameBytes > link.payloadBytesMax) {
    return { kind: 'refused', cause: new LogRefused(subject, 'larger than the server takes') }
  }
  const reply = await link.request(subject, bytes, { headers, timeoutMs: ackMs })
  switch (reply.kind) {
    case 'answer':
      return answerOf(subject, reply.data)
    case 'nobody':
      return { kind: 'busy', cause: new Error('no stream has a leader for this subject') }
    case 'lost':
      return { kind: 'unknown', cause: reply.cause }
    case 'denied':
      return { kind: 'refused', cause: denied(subject, reply.cause) }
    default:
      return reply satisfies never
  }
}

const headerFrameBytes = 16

function headersOf({ expected, headers }: Message): string | undefined {
  if (expected === undefined) return headers
  return `Nats-Expected-Last-Subject-Sequence: ${expected}\r\n${headers ?? ''}`
}

function answerOf(subject: string, data: Uint8Array): Answer {
  // The hot path: a schema would cost more than all the rest of it.
  const ack = parseJson(data) as { seq?: unknown; error?: unknown } | undefined
  if (ack && ack.error === undefined && typeof ack.seq === 'number')
    return { kind: 'stored', seq: ack.seq }
  const found = failed.safeParse(ack)
  if (!found.success) {
    const cause = new LogRefused(subject, 'what answers there is no stream', undefined, {
      cause: found.error,
    })
    return { kind: 'refused', cause }
  }
  const { error } = found.data
  if (error.err_code === serverCodes.wrongLastSequence) return { kind: 'moved' }
  const cause = faultOf(subject, error)
  const again = error.err_code === serverCodes.appendInFlight || isTransient(error)
  return { kind: again ? 'busy' : 'refused', cause }
}
