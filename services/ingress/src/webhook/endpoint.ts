import { token } from '@waybill/core'
import { Webhook } from 'standardwebhooks'
import { z } from 'zod'

const line = z.string().min(1).max(1024)

/** A place that webhooks are sent to: `POST /webhooks/<name>`. */
export const endpoint = z
  .strictObject({
    name: token,
    verifier: z.enum(['github', 'standard', 'none']),
    /** Several while one is being replaced; each is accepted. */
    secrets: z.array(z.string().min(1).max(1024)).max(5).default([]),
    /** Of the events; else `github:<name>` or `webhook:<name>`. */
    source: line.optional(),
    tenant: z.string().min(1).max(64).optional(),
    /** Of the events, where the sender does not say it; else `webhook.<name>`. */
    type: z
      .string()
      .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/)
      .max(256)
      .optional(),
    /** Where in the body the key lies that orders its events: `repository.full_name`. */
    partitionKey: z
      .string()
      .regex(/^[^.\s]+(\.[^.\s]+)*$/)
      .max(256)
      .optional(),
  })
  .superRefine(({ verifier, secrets }, context) => {
    const fail = (message: string) =>
      context.addIssue({ code: 'custom', path: ['secrets'], message })
    if (verifier === 'none' && secrets.length > 0) fail('the verifier none takes no secret')
    if (verifier !== 'none' && secrets.length === 0) fail('at least one')
    if (verifier === 'standard' && !secrets.every(isStandardSecret)) {
      fail('whsec_ followed by base64')
    }
  })
export type Endpoint = z.output<typeof endpoint>

export const endpoints = z
  .array(endpoint)
  .max(1000)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
    error: 'every endpoint has its own name',
  })

function isStandardSecret(secret: string): boolean {
  try {
    return new Webhook(secret) instanceof Webhook
  } catch {
    return false
  }
}
