import { createHmac, timingSafeEqual } from 'node:crypto'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { textOf } from '../body.ts'
import type { Endpoint } from './endpoint.ts'

/** Undefined: it is genuine. Else why not, for our log. */
export type Verify = (endpoint: Endpoint, headers: Headers, body: Uint8Array) => string | undefined

export const verifiers: Readonly<Record<Endpoint['verifier'], Verify>> = {
  github,
  standard,
  none: () => undefined,
}

/**
 * GitHub signs the body alone: neither the delivery id nor a time. Whoever captured a delivery can
 * send it again under another id; only TLS keeps them from capturing one.
 */
function github({ secrets }: Endpoint, headers: Headers, body: Uint8Array): string | undefined {
  // Headers that come twice are joined by a comma, which this pattern refuses.
  const [, given] = /^sha256=([0-9a-f]{64})$/.exec(headers.get('x-hub-signature-256') ?? '') ?? []
  if (given === undefined) return 'no well-formed signature'
  const digest = Buffer.from(given, 'hex')
  const fits = secrets.map((secret) =>
    timingSafeEqual(createHmac('sha256', secret).update(body).digest(), digest),
  )
  return fits.includes(true) ? undefined : 'the signature does not fit'
}

/**
 * Stricter than the library at the edges: it reads `123abc` as a timestamp and takes what follows
 * a second comma of a signature for nothing, so a changed request could still pass.
 */
function standard({ secrets }: Endpoint, headers: Headers, body: Uint8Array): string | undefined {
  const given = {
    'webhook-id': headers.get('webhook-id') ?? '',
    'webhook-timestamp': headers.get('webhook-timestamp') ?? '',
    'webhook-signature': headers.get('webhook-signature') ?? '',
  }
  const odd = wellFormed.find(([name, form]) => !form.test(given[name]))
  if (odd !== undefined) return `no well-formed ${odd[0]}`
  // The library would replace what is not UTF-8, so two bodies would share one signature.
  const text = textOf(body)
  if (typeof text !== 'string') return text.reason
  const failures = secrets.map((secret) => failure(new Webhook(secret), text, given))
  return failures.includes(undefined) ? undefined : failures[0]
}

const wellFormed = [
  // A dot in the id could be moved into the timestamp, and the timestamp into the body.
  ['webhook-id', /^[^.]+$/],
  ['webhook-timestamp', /^[1-9]\d{0,11}$/],
  ['webhook-signature', /^v1[a-z]?,[A-Za-z0-9+/]+={0,2}( v1[a-z]?,[A-Za-z0-9+/]+={0,2}){0,9}$/],
] as const

function failure(
  webhook: Webhook,
  text: string,
  headers: Record<string, string>,
): string | undefined {
  try {
    webhook.verify(text, headers, { jsonParse: false })
    return undefined
  } catch (cause) {
    if (cause instanceof WebhookVerificationError) return cause.message
    throw cause
  }
}
