/** One message of a stream of server-sent events. */
export interface SseMessage {
  readonly event: string
  readonly id?: string
  readonly data: unknown
}

const encoder = new TextEncoder()

/** JSON has no line breaks, so it is one `data` line. */
const frameOf = ({ event, id, data }: SseMessage): Uint8Array =>
  encoder.encode(
    `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`,
  )

export interface SseStream {
  readonly body: ReadableStream<Uint8Array>
  send(message: SseMessage): void
  end(): void
}

/**
 * A stream that never holds more than `bytesMax`: whoever takes it more slowly than it comes is cut
 * off, comes back with the last id it has, and is told what it missed.
 */
export function createSse(bytesMax: number, onEnd: () => void): SseStream {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const ended = () => {
    if (controller === undefined) return
    controller = undefined
    onEnd()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start(it) {
        controller = it
        it.enqueue(encoder.encode(`retry: ${retryMs}\n\n`))
      },
      cancel: ended,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: bytesMax }),
  )
  return {
    body,
    send(message) {
      const frame = frameOf(message)
      if (controller === undefined) return
      if ((controller.desiredSize ?? 0) >= frame.length) return controller.enqueue(frame)
      controller.error(new Error('it is taken too slowly'))
      ended()
    },
    end() {
      controller?.close()
      ended()
    },
  }
}

const retryMs = 1000
