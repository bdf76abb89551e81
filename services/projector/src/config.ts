import { topology } from '@waybill/log'
import { commonSettings, flag, numeric } from '@waybill/service'
import { Webhook } from 'standardwebhooks'
import { z } from 'zod'

const positive = z.int().positive()

/** Alerts of dead letters: to either, both, or neither. */
const alertSettings = {
  /** Where alerts are posted to; what it is never stands in a log, but for its host. */
  alertWebhookUrl: z
    .url({ protocol: /^https?$/, error: 'an http or https address' })
    .refine(hasNoPassword, { error: 'no name and password in it: the signature says who sends' })
    .optional(),
  /** `whsec_` and base64, as in Standard Webhooks. */
  alertWebhookSecret: z
    .string()
    .refine(isStandardSecret, { error: 'whsec_ followed by base64' })
    .optional(),
  /** Plain http to another machine is refused without this. */
  alertWebhookCleartext: flag.default(false),
  /** Publish them as `<prefix>.alert.<app>.<binding>`. */
  alertNats: flag.default(false),
  /** What dies of the same within this after an alert is counted and told of at its end. */
  alertCoolDownMs: numeric(positive).default(15 * 60_000),
} as const

/** `WAYBILL_DATA`, or `WAYBILL_PROJECTOR_DATA`, and so on. */
export const projectorConfig = z
  .object({
    ...commonSettings,
    ...alertSettings,
    prefix: topology.shape.prefix,
    /** Both, or neither: then the newest generation is asked of the streams. */
    generation: numeric(positive).optional(),
    slots: numeric(positive.max(1024)).optional(),
    /** Folder of the rows: one file for each instance, `<instance>.db`. */
    data: z.string().min(1).default('.waybill/projector'),
    /** Publish `<prefix>.live.<app>.<slot>`: with several projectors, one of them should. */
    live: flag.default(true),
    /** Health and metrics over HTTP. */
    opsHost: z.string().min(1).default('127.0.0.1'),
    opsPort: numeric(z.int().min(0).max(65_535)).optional(),
  })
  .superRefine((it, context) => {
    const { alertWebhookUrl: url, alertWebhookSecret: secret, alertWebhookCleartext } = it
    const fail = (field: keyof typeof alertSettings, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message })
    if (url !== undefined && secret === undefined) fail('alertWebhookSecret', 'is wanted to sign')
    if (url === undefined && secret !== undefined) fail('alertWebhookUrl', 'is wanted to send to')
    if (url !== undefined && !alertWebhookCleartext && isCleartext(url)) {
      fail('alertWebhookUrl', 'https, or alertWebhookCleartext where the network can be trusted')
    }
  })
export type ProjectorConfig = z.output<typeof projectorConfig>

/* What is no address at all is refused as such, and these are asked all the same. */

function hasNoPassword(text: string): boolean {
  const { username, password } = URL.parse(text) ?? { username: '', password: '' }
  return username === '' && password === ''
}

function isCleartext(text: string): boolean {
  const address = URL.parse(text)
  if (address?.protocol !== 'http:') return false
  return !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(address.hostname)
}

function isStandardSecret(secret: string): boolean {
  try {
    return new Webhook(secret) instanceof Webhook
  } catch {
    return false
  }
}
