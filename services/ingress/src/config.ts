import { topology } from '@waybill/log'
import { commonSettings, json, list, numeric } from '@waybill/service'
import { z } from 'zod'
import { endpoints } from './webhook/endpoint.ts'

const positive = z.int().positive()

/** `WAYBILL_HTTP_PORT`, or `WAYBILL_INGRESS_HTTP_PORT`, and so on. */
export const ingressConfig = z.object({
  ...commonSettings,
  prefix: topology.shape.prefix,
  /** Both, or neither: then the newest generation is asked of the streams. */
  generation: numeric(positive).optional(),
  slots: numeric(positive.max(1024)).optional(),
  httpHost: z.string().min(1).default('127.0.0.1'),
  httpPort: numeric(z.int().min(0).max(65_535)).default(8080),
  /** Health and metrics apart from the public port. */
  opsPort: numeric(z.int().min(0).max(65_535)).optional(),
  /** JSON; see `endpoint`. */
  endpoints: json(endpoints).default([]),
  /** Bearer tokens of `POST /events`, several while one is being replaced. */
  eventsTokens: list(
    z.string().regex(/^\S{16,}$/, { error: 'at least 16 characters each, no spaces' }),
  ).default([]),
  /** Modules that export an app: its event types are checked here. */
  apps: list(z.string().min(1)).default([]),
  bodyBytesMax: numeric(positive.max(16 * 1024 * 1024)).default(1024 * 1024),
  /** One event as it is stored. */
  eventBytesMax: numeric(positive.max(1024 * 1024)).default(256 * 1024),
  /** Memory for the bodies of all requests in progress; beyond it they are answered 503. */
  bodiesBytesMax: numeric(positive).default(64 * 1024 * 1024),
  connectionsMax: numeric(positive).default(2000),
  requestWithinMs: numeric(positive).default(30_000),
  /** The log's acknowledgement; later it is answered 503. */
  ackWithinMs: numeric(positive).default(5000),
})
export type IngressConfig = z.output<typeof ingressConfig>
