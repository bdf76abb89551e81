import { randomBytes } from 'node:crypto'
import type { EventDraft } from '@waybill/core'
import { mediaTypeOf } from '../body.ts'
import type { Origin } from '../door.ts'
import { isRefusal, type Refusal, refuse } from '../refusal.ts'
import { draftOf } from './draft.ts'
import type { Endpoint } from './endpoint.ts'
import { verifiers } from './verify.ts'

export interface Webhook {
  readonly draft: EventDraft
  readonly origin: Origin
}

/**
 * Nothing of a body is looked at before it is found genuine, and a name that no endpoint has is
 * verified too, against a secret nobody knows: neither answer nor time tells which names exist.
 */
export function createWebhooks(endpoints: readonly Endpoint[]) {
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]))
  const decoy: Endpoint = {
    name: 'nobody',
    verifier: 'github',
    secrets: [randomBytes(32).toString('hex')],
  }

  return (name: string, headers: Headers, body: Uint8Array): Webhook | Refusal => {
    const endpoint = byName.get(name) ?? decoy
    const doubt = verifiers[endpoint.verifier](endpoint, headers, body)
    if (endpoint === decoy) return refuse('unauthorized', 'no such endpoint')
    if (doubt !== undefined) return refuse('unauthorized', doubt)
    const media = mediaTypeOf(headers.get('content-type'))
    if (isRefusal(media)) return media
    const draft = draftOf(endpoint, headers, media, body)
    if (isRefusal(draft)) return draft
    const state = endpoint.verifier === 'none' ? 'unsigned' : 'verified'
    return { draft, origin: { via: 'webhook', signature: { state }, tenant: endpoint.tenant } }
  }
}
