import { createChannel } from '../channel.ts'
import { PositionLost } from '../fault.ts'
import type { ReadRange, Reader, Stored } from '../log.ts'
import { subjectFilter } from '../subject.ts'
import type { MemoryServer } from './server.ts'

/** Delivers at the moment a message is stored, or credit is granted. */
export function createMemoryReader(
  server: MemoryServer,
  { stream, subjects, fromSeq: from }: ReadRange,
  signal: AbortSignal,
): Reader {
  const fromSeq = Math.max(1, from)
  const wanted = subjectFilter(subjects)
  const source = server.stream(stream)
  const channel = createChannel<Stored>(close)
  let next = fromSeq
  const credit = { messages: 0, bytes: 0 }

  const found = source.info()
  const heads = source.slice(wanted, 1).length
  if ((found.firstSeq > fromSeq && heads > 0) || fromSeq > found.lastSeq + 1) {
    channel.fail(new PositionLost(stream, fromSeq, found))
  }

  function deliver(): void {
    if (channel.ended || credit.messages <= 0 || credit.bytes <= 0) return
    for (const message of source.slice(wanted, next)) {
      if (credit.messages <= 0 || credit.bytes <= 0) return
      credit.messages -= 1
      credit.bytes -= message.bytes.length
      next = message.seq + 1
      channel.push(message)
    }
  }

  const forget = server.onStored((message) => {
    if (message.stream === stream && wanted(message.subject)) deliver()
  })
  signal.addEventListener('abort', close, { once: true })
  if (signal.aborted) close()

  function close(): void {
    forget()
    signal.removeEventListener('abort', close)
    channel.cut()
  }

  return {
    grant({ messages, bytes }) {
      credit.messages += messages
      credit.bytes += bytes
      deliver()
    },
    [Symbol.asyncIterator]: () => channel[Symbol.asyncIterator](),
    async [Symbol.asyncDispose]() {
      close()
    },
  }
}
