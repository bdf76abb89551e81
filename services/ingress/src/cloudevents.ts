import type { EventDraft, Plain } from '@waybill/core'
import { issuesOf } from '@waybill/api'
import { CloudEvent, ValidationError } from 'cloudevents'
import { z } from 'zod'
import { mediaTypeOf, parseJson, textOf } from './body.ts'
import { storedHeaders, traceparentOf } from './headers.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'

export interface CloudEvents {
  readonly drafts: readonly EventDraft[]
  readonly isBatch: boolean
}

const batchMax = 1000

/**
 * CloudEvents 1.0 over HTTP: structured, binary, batch. The SDK checks attributes; the three modes
 * are read here, because its reader invents missing ids and times, drops data that is 0, false or
 * "", makes 32-bit numbers of bytes, and leaves percent-encoded header values as they are.
 */
export function readCloudEvents(headers: Headers, body: Uint8Array): CloudEvents | Refusal {
  const media = mediaTypeOf(headers.get('content-type'))
  if (isRefusal(media)) return media
  if (media.name === 'application/cloudevents+json') return structured(headers, body)
  if (media.name === 'application/cloudevents-batch+json') return batch(headers, body)
  if (media.name.startsWith('application/cloudevents') || !headers.has('ce-specversion')) {
    return refuse(
      'unsupported',
      'application/cloudevents+json, application/cloudevents-batch+json, or ce- headers',
    )
  }
  return binary(headers, body, media.isJson)
}

function structured(headers: Headers, body: Uint8Array): CloudEvents | Refusal {
  const parsed = jsonOf(body)
  if (isRefusal(parsed)) return parsed
  const draft = fromObject(parsed.json, headers)
  return isRefusal(draft) ? draft : { drafts: [draft], isBatch: false }
}

function batch(headers: Headers, body: Uint8Array): CloudEvents | Refusal {
  const parsed = jsonOf(body)
  if (isRefusal(parsed)) return parsed
  if (!Array.isArray(parsed.json)) return refuse('malformed', 'a batch is a JSON array')
  if (parsed.json.length > batchMax) return refuse('too_large', `at most ${batchMax} events`)
  const drafts: EventDraft[] = []
  for (const [index, each] of parsed.json.entries()) {
    const draft = fromObject(each, headers)
    if (isRefusal(draft)) return refuse(draft.refused, `event ${index}: ${draft.reason}`)
    drafts.push(draft)
  }
  return { drafts, isBatch: true }
}

function fromObject(json: unknown, headers: Headers): EventDraft | Refusal {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return refuse('malformed', 'an event is a JSON object')
  }
  const { data = null, data_base64: base64, ...attributes } = json as Record<string, unknown>
  if (base64 === undefined) return toDraft(attributes, data as Plain, headers)
  if ('data' in json || typeof base64 !== 'string') {
    return refuse('malformed', 'data_base64: text, and no data beside it')
  }
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.toString('base64') !== base64) return refuse('malformed', 'data_base64: not base64')
  return toDraft(attributes, bytes, headers)
}

function binary(headers: Headers, body: Uint8Array, isJson: boolean): CloudEvents | Refusal {
  const attributes: Record<string, unknown> = {}
  for (const [name, value] of headers) {
    if (!name.startsWith('ce-')) continue
    const text = unescaped(value)
    if (text === undefined) return refuse('malformed', `${name}: not percent-encoded UTF-8`)
    attributes[name.slice(3)] = text
  }
  const type = headers.get('content-type')
  if (type !== null) attributes['datacontenttype'] = type
  const data = binaryData(body, isJson, type)
  if (isRefusal(data)) return data
  const draft = toDraft(attributes, data.data, headers)
  return isRefusal(draft) ? draft : { drafts: [draft], isBatch: false }
}

function binaryData(
  body: Uint8Array,
  isJson: boolean,
  type: string | null,
): { data: Plain } | Refusal {
  if (body.length === 0) return { data: null }
  if (!isJson && !type?.toLowerCase().startsWith('text/')) return { data: body }
  const text = textOf(body)
  if (typeof text !== 'string') return text
  if (!isJson) return { data: text }
  const parsed = parseJson(text)
  return isRefusal(parsed) ? parsed : { data: parsed.json as Plain } // the codec refuses what is not
}

/** What becomes a field of our own event; the rest is kept as `ce-` headers. */
const ownFields = new Set(['id', 'source', 'type', 'subject', 'time', 'specversion'])
const ownExtensions = new Set(['partitionkey', 'traceparent'])

const text = z.string().min(1)
const own = z.looseObject({
  specversion: z.literal('1.0'),
  id: text,
  source: text,
  type: text,
  subject: text.optional(),
  time: z.iso.datetime({ offset: true }).optional(),
  partitionkey: text.optional(),
  traceparent: text.optional(),
})

function toDraft(
  attributes: Record<string, unknown>,
  data: Plain,
  headers: Headers,
): EventDraft | Refusal {
  const parsed = own.safeParse(attributes)
  if (!parsed.success) return refuse('malformed', issuesOf(parsed.error))
  const wrong = complaint(attributes)
  if (wrong !== undefined) return refuse('malformed', wrong)
  const { id, source, type, subject, time, partitionkey, traceparent } = parsed.data
  return {
    type,
    source,
    data,
    subject,
    dedupeKey: id,
    partitionKey: partitionkey,
    time: time === undefined ? undefined : Date.parse(time),
    traceparent: traceparentOf(traceparent ?? headers.get('traceparent')),
    headers: { ...storedHeaders(headers), ...extensions(attributes) },
  }
}

function complaint(attributes: Record<string, unknown>): string | undefined {
  try {
    const event = new CloudEvent(attributes, true)
    return event.validate() ? undefined : 'not a CloudEvent'
  } catch (cause) {
    if (cause instanceof ValidationError || cause instanceof TypeError)
      return firstLines(cause.message)
    throw cause
  }
}

const extensions = (attributes: Record<string, unknown>): Record<string, string> =>
  storedHeaders(
    Object.entries(attributes)
      .filter(([name]) => !ownFields.has(name) && !ownExtensions.has(name))
      .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
      .map(([name, value]) => [`ce-${name}`, String(value)]),
  )

function jsonOf(body: Uint8Array): { json: unknown } | Refusal {
  const text = textOf(body)
  return typeof text === 'string' ? parseJson(text) : text
}

/** Undefined when it is not percent-encoded as the HTTP binding says. */
function unescaped(value: string): string | undefined {
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}

const firstLines = (message: string): string =>
  message.split('\n').slice(0, 4).join(' ').slice(0, 512)
