import type { NatsConnection } from '@nats-io/nats-core'
import type { Subjects } from '@waybill/log'
import { Webhook } from 'standardwebhooks'
import type { Notice } from './state.ts'

/** Undefined: it arrived. Otherwise why not, in a word that may stand in a log. */
export type Send = (notice: Notice, signal: AbortSignal) => Promise<string | undefined>

const withinMs = 10_000

/** Signed as Standard Webhooks say, under the same id each time. */
export function createWebhook(url: string, secret: string): Send {
  const signer = new Webhook(secret)
  return async (notice, signal) => {
    const body = bodyOf(notice)
    const at = new Date()
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'waybill',
      'webhook-id': notice.id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': signer.sign(notice.id, at, body),
    }
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body,
        // A signed message is for whom it was sent to, and not for whom he names.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(withinMs)]),
      })
      await response.body?.cancel()
      return response.ok ? undefined : `status ${response.status}`
    } catch (cause) {
      return reasonOf(cause)
    }
  }
}

/** The server has it; whether anybody listens is not known. */
export function createPublish(
  nc: Pick<NatsConnection, 'publish' | 'flush'>,
  { alert }: Pick<Subjects, 'alert'>,
): Send {
  return async (notice, signal) => {
    const binding = notice.binding.slice(0, notice.binding.lastIndexOf('@'))
    nc.publish(alert(notice.app, binding), bodyOf(notice))
    const late = AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
    const tooLate = Promise.withResolvers<string>()
    late.addEventListener('abort', () => tooLate.resolve(reasonOf(late.reason)), { once: true })
    return Promise.race([nc.flush().then(() => undefined, reasonOf), tooLate.promise])
  }
}

/** `type`, `timestamp`, `data`: the envelope that Standard Webhooks recommend. */
const bodyOf = ({ at, ...data }: Notice): string =>
  JSON.stringify({
    type: 'waybill.dead_letters',
    timestamp: new Date(at).toISOString(),
    data: { ...data, next: `waybill dead get ${data.example}` },
  })

/** Codes and names only: messages may repeat an address with what is secret in it. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown'
  const inner = cause.cause instanceof Error && 'code' in cause.cause ? cause.cause.code : undefined
  return typeof inner === 'string' ? inner : cause.name
}
