import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { type Refusal, refuse } from './refusal.ts'

const decoders = {
  gzip: promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(gunzip),
  deflate: promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(inflate),
  br: promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(brotliDecompress),
}

/** Memory for bodies, over all requests. A slow sender holds what it sent, not a place. */
export interface BodyRoom {
  /** Of one request, given back when it has been answered. */
  enter(): RequestRoom
}
interface RequestRoom extends Disposable {
  /** False: there is no more. */
  take(bytes: number): boolean
}

export function createBodyRoom(bytesMax: number): BodyRoom {
  let taken = 0
  return {
    enter() {
      let own = 0
      return {
        take(bytes) {
          if (taken + bytes > bytesMax) return false
          taken += bytes
          own += bytes
          return true
        },
        [Symbol.dispose]() {
          taken -= own
          own = 0
        },
      }
    },
  }
}

/**
 * The body, byte for byte, decompressed if it came compressed; never more than `bytesMax` in
 * memory, on the wire or unpacked.
 */
export async function readBody(
  request: Request,
  room: RequestRoom,
  bytesMax: number,
): Promise<Uint8Array | Refusal> {
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity'
  if (encoding !== 'identity' && !isDecodable(encoding)) {
    return refuse('unsupported', 'content-encoding: gzip, deflate, br or none')
  }
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > bytesMax) return tooLarge(bytesMax)
  const raw = await readAll(request.body, room, bytesMax)
  if (!(raw instanceof Uint8Array) || encoding === 'identity') return raw
  // Taken before it is known how much it will be: a bomb is as large as it may be.
  return room.take(bytesMax) ? unpack(raw, encoding, bytesMax) : noRoom
}

type Encoding = keyof typeof decoders

const isDecodable = (encoding: string): encoding is Encoding => Object.hasOwn(decoders, encoding)

async function readAll(
  stream: ReadableStream<Uint8Array> | null,
  room: RequestRoom,
  bytesMax: number,
): Promise<Uint8Array | Refusal> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of stream ?? []) {
      size += chunk.length
      if (size > bytesMax) return tooLarge(bytesMax)
      if (!room.take(chunk.length)) return noRoom
      chunks.push(chunk)
    }
  } catch {
    return refuse('malformed', 'the body ended early')
  }
  return Buffer.concat(chunks)
}

async function unpack(
  packed: Uint8Array,
  encoding: Encoding,
  bytesMax: number,
): Promise<Uint8Array | Refusal> {
  try {
    return await decoders[encoding](packed, { maxOutputLength: bytesMax })
  } catch (cause) {
    if (codeOf(cause) === 'ERR_BUFFER_TOO_LARGE') return tooLarge(bytesMax)
    return refuse('malformed', `the body is not whole ${encoding}`)
  }
}

const codeOf = (cause: unknown): unknown =>
  cause instanceof Error && 'code' in cause ? cause.code : ''

const tooLarge = (bytesMax: number): Refusal =>
  refuse('too_large', `the body may have ${bytesMax} bytes, unpacked too`)

const noRoom: Refusal = {
  ...refuse('unavailable', 'too many requests are in progress'),
  retryAfterMs: 1000,
}

/** Keeps a byte order mark, which no JSON begins with, and refuses what is not UTF-8. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function textOf(body: Uint8Array): string | Refusal {
  try {
    return utf8.decode(body)
  } catch {
    return refuse('malformed', 'the body is not UTF-8')
  }
}

export function parseJson(text: string): { json: unknown } | Refusal {
  try {
    return { json: JSON.parse(text) }
  } catch {
    return refuse('malformed', 'the body is not JSON')
  }
}

export interface MediaType {
  /** Lower case, without parameters; empty when there was none. */
  readonly name: string
  readonly isJson: boolean
}

/** Anything but UTF-8 would have to be guessed. */
export function mediaTypeOf(header: string | null): MediaType | Refusal {
  const [name = '', ...parameters] = (header ?? '')
    .toLowerCase()
    .split(';')
    .map((it) => it.trim())
  const charset = parameters
    .find((it) => it.startsWith('charset='))
    ?.slice(8)
    .replaceAll('"', '')
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    return refuse('unsupported', 'charset: utf-8')
  }
  return { name, isJson: name === 'application/json' || name.endsWith('+json') }
}
