import { type EventDraft, isToken, type Plain } from '@waybill/core'
import { type MediaType, parseJson, textOf } from '../body.ts'
import { storedHeaders, traceparentOf } from '../headers.ts'
import { isRefusal, type Refusal, refuse } from '../refusal.ts'
import type { Endpoint } from './endpoint.ts'

/** Makes an event of a request that was found genuine. */
export function draftOf(
  endpoint: Endpoint,
  headers: Headers,
  media: MediaType,
  body: Uint8Array,
): EventDraft | Refusal {
  const parsed = payloadOf(media, body)
  if (isRefusal(parsed)) return parsed
  const named = endpoint.verifier === 'github' ? fromGithub : fromAnyone
  const event = named(endpoint, headers, parsed.json)
  if (isRefusal(event)) return event
  return {
    ...event,
    headers: storedHeaders(headers),
    partitionKey: keyAt(parsed.json, endpoint.partitionKey),
    traceparent: traceparentOf(headers.get('traceparent')),
  }
}

/** JSON, alone or as the field `payload` of a form. */
function payloadOf(media: MediaType, body: Uint8Array): { json: unknown } | Refusal {
  const isForm = media.name === 'application/x-www-form-urlencoded'
  if (!media.isJson && !isForm) {
    return refuse('unsupported', 'content-type: application/json, or a form with a field payload')
  }
  const text = textOf(body)
  if (typeof text !== 'string') return text
  if (!isForm) return parseJson(text)
  const fields = new URLSearchParams(text).getAll('payload')
  const [payload] = fields
  if (payload === undefined || fields.length > 1) {
    return refuse('malformed', 'the form needs one field payload')
  }
  return parseJson(payload)
}

type Named = (endpoint: Endpoint, headers: Headers, json: unknown) => EventDraft | Refusal

const fromGithub: Named = (endpoint, headers, json) => {
  const event = headers.get('x-github-event') ?? ''
  if (!isToken(event)) return refuse('malformed', 'X-GitHub-Event is missing or odd')
  if (!isRecord(json)) return refuse('malformed', 'the payload is not an object')
  const { action } = json
  const suffix = typeof action === 'string' && isToken(action) ? `.${action}` : ''
  return {
    type: `github.${event}${suffix}`,
    source: endpoint.source ?? `github:${endpoint.name}`,
    data: json as Plain, // the codec refuses what is not
    dedupeKey: headers.get('x-github-delivery') || undefined,
    subject: keyAt(json, 'repository.full_name'),
  }
}

/**
 * Standard Webhooks suggests `{type, timestamp, data}`: then those are the event's own. Any other
 * JSON is the data, whole.
 */
const fromAnyone: Named = (endpoint, headers, json) => {
  const envelope = envelopeOf(json)
  return {
    type: endpoint.type ?? envelope?.type ?? `webhook.${endpoint.name}`,
    source: endpoint.source ?? `webhook:${endpoint.name}`,
    data: (envelope === undefined ? json : envelope.data) as Plain, // the codec refuses what is not
    dedupeKey: headers.get('webhook-id') || undefined,
    time: envelope?.time,
  }
}

function envelopeOf(json: unknown): { type: string; time?: number; data: unknown } | undefined {
  if (!isRecord(json)) return undefined
  const { type, timestamp, data, ...rest } = json
  const isWhole = data !== undefined && Object.keys(rest).length === 0
  if (!isWhole || typeof type !== 'string' || !type.split('.').every(isToken)) return undefined
  const time = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN
  return time >= 0 ? { type, time, data } : { type, data }
}

/** The text or number at `a.b.c`, as text; undefined when there is none of at most 1024. */
function keyAt(json: unknown, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  let at: unknown = json
  for (const step of path.split('.')) {
    if (!isRecord(at) || !Object.hasOwn(at, step)) return undefined
    at = at[step]
  }
  const text = typeof at === 'number' ? String(at) : at
  return typeof text === 'string' && text !== '' && text.length <= 1024 ? text : undefined
}

const isRecord = (it: unknown): it is Record<string, unknown> =>
  typeof it === 'object' && it !== null && !Array.isArray(it)
