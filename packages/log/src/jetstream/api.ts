import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { LogFull, LogRefused, LogUnavailable } from '../fault.ts'
import type { Stored, StreamInfo } from '../log.ts'
import type { Link } from './link.ts'

export interface ApiLimits {
  /** One request. A leader that is there answers within milliseconds. */
  readonly requestMs: number
  /** All tries of a call without a signal: a cluster takes up to 9 s to find a new leader. */
  readonly patienceMs: number
}

/** Codes of the server: `err_code` in its answers. */
export const serverCodes = {
  wrongLastSequence: 10071,
  /** An append to the same subject is under way, perhaps our own. */
  appendInFlight: 10164,
  noMessage: 10037,
  streamNotFound: 10059,
  streamNameInUse: 10058,
  consumerNotFound: 10014,
  /** Limits of account, server and stream, memory and disk. */
  full: new Set([10002, 10023, 10028, 10047, 10077]),
} as const

const serverError = z.object({
  code: z.number(),
  err_code: z.number().default(0),
  description: z.string().default(''),
})
export type ServerError = z.infer<typeof serverError>
export const failed = z.object({ error: serverError })

/** May the same request work in a moment? 5xx and 429 of the server's, but not when it is full. */
export const isTransient = ({ code, err_code }: ServerError): boolean =>
  !serverCodes.full.has(err_code) && (code >= 500 || code === 429)

export function faultOf(where: string, { err_code, description }: ServerError): Error {
  if (serverCodes.full.has(err_code)) return new LogFull(where, err_code)
  return new LogRefused(where, description, err_code)
}

/** Undefined for what is no JSON, which no schema takes. */
export function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString())
  } catch {
    return undefined
  }
}

/** Before asking again: until there is a connection, else a little longer each time. */
export async function pause(
  link: Link,
  attempt: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!link.up) return link.ready(signal)
  await delay(Math.min(25 * 2 ** Math.min(attempt, 10), 1000), undefined, signal ? { signal } : {})
}

/** A view without the platform's methods: a Buffer's `slice` shares what an array's copies. */
export const plain = (data: Uint8Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.length)

export type ApiAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ServerError }

/**
 * A call of the JetStream API, made again until it is answered. Calls made so must be ones that may
 * be carried out twice.
 */
export async function call<T>(
  link: Link,
  limits: ApiLimits,
  subject: string,
  body: unknown,
  schema: z.ZodType<T>,
  signal?: AbortSignal,
): Promise<ApiAnswer<T>> {
  const until = signal ?? AbortSignal.timeout(limits.patienceMs)
  const data = body === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(body))
  for (let attempt = 0; ; attempt++) {
    const reply = await link.request(`$JS.API.${subject}`, data, { timeoutMs: limits.requestMs })
    if (reply.kind === 'denied') throw denied(subject, reply.cause)
    if (reply.kind === 'answer') {
      const answer = parseJson(reply.data)
      const error = failed.safeParse(answer)
      if (!error.success) return { ok: true, value: schema.parse(answer) }
      if (!isTransient(error.data.error)) return { ok: false, error: error.data.error }
    }
    await pause(link, attempt, until).catch((stopped: unknown) => {
      throw new LogUnavailable(subject, { cause: reply.kind === 'lost' ? reply.cause : stopped })
    })
  }
}

/** As `call`, where every refusal is a fault. */
export async function ask<T>(...args: Parameters<typeof call<T>>): Promise<T> {
  const answer = await call(...args)
  if (answer.ok) return answer.value
  throw faultOf(args[2], answer.error)
}

export const denied = (subject: string, cause: Error): Error =>
  cause instanceof LogRefused
    ? cause
    : new LogRefused(subject, 'not permitted', undefined, { cause })

const streamInfo = z.object({
  config: z.object({ name: z.string() }),
  created: z.string(),
  state: z.object({
    messages: z.number(),
    bytes: z.number(),
    first_seq: z.number(),
    last_seq: z.number(),
    subjects: z.record(z.string(), z.number()).optional(),
  }),
  total: z.number().default(0),
  offset: z.number().default(0),
  limit: z.number().default(0),
})

/** Answered by the stream's leader. */
export async function infoOf(
  link: Link,
  limits: ApiLimits,
  stream: string,
  signal?: AbortSignal,
): Promise<StreamInfo> {
  const { created, state } = await ask(
    link,
    limits,
    `STREAM.INFO.${stream}`,
    undefined,
    streamInfo,
    signal,
  )
  return {
    name: stream,
    createdAt: created,
    firstSeq: state.first_seq,
    lastSeq: state.last_seq,
    messages: state.messages,
    bytes: state.bytes,
  }
}

export async function subjectsOf(
  link: Link,
  limits: ApiLimits,
  stream: string,
  filter: string,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (;;) {
    const page = { subjects_filter: filter, offset: found.size }
    const info = await ask(link, limits, `STREAM.INFO.${stream}`, page, streamInfo)
    const subjects = Object.entries(info.state.subjects ?? {})
    for (const [subject, count] of subjects) found.set(subject, count)
    if (subjects.length === 0 || found.size >= info.total) return found
  }
}

const storedMessage = z.object({
  message: z.object({
    subject: z.string(),
    seq: z.number(),
    data: z.string().default(''),
    time: z.string(),
  }),
})

export type MessageQuery =
  | { readonly seq: number }
  | { readonly last_by_subj: string }
  /** The first message of the subject at or after `seq`. */
  | { readonly seq: number; readonly next_by_subj: string }

/** One message, from the stream's leader. */
export async function messageOf(
  link: Link,
  limits: ApiLimits,
  stream: string,
  query: MessageQuery,
  signal?: AbortSignal,
): Promise<Stored | undefined> {
  const subject = `STREAM.MSG.GET.${stream}`
  const answer = await call(link, limits, subject, query, storedMessage, signal)
  if (!answer.ok) {
    if (answer.error.err_code === serverCodes.noMessage) return undefined
    throw faultOf(stream, answer.error)
  }
  const { message } = answer.value
  return {
    stream,
    subject: message.subject,
    seq: message.seq,
    at: Date.parse(message.time),
    bytes: plain(Buffer.from(message.data, 'base64')),
  }
}

const purged = z.object({ purged: z.number() })

/** Everything of the subject, or what lies below `seq`. */
export async function purge(
  link: Link,
  limits: ApiLimits,
  stream: string,
  filter: string,
  seq?: number,
): Promise<{ purged: number }> {
  return ask(link, limits, `STREAM.PURGE.${stream}`, { filter, seq }, purged)
}
