import { role } from '@waybill/api/http'
import { topology } from '@waybill/log'
import { commonSettings, json, list, numeric } from '@waybill/service'
import { z } from 'zod'
import { redactedByDefault, redactionRule } from './redact.ts'

const positive = z.int().positive()
const port = z.int().min(0).max(65_535)

const tokens = z
  .array(
    z.strictObject({
      name: z.string().min(1).max(256),
      role,
      token: z.string().regex(/^\S{16,}$/, { error: 'at least 16 characters, no spaces' }),
    }),
  )
  .max(1000)

const webSocket = z
  .string()
  .refine((it) => URL.canParse(it) && /^wss?:$/.test(new URL(it).protocol), {
    error: 'ws://host:port or wss://host:port',
  })

/** With permission to subscribe to `<prefix>.live.>` and to nothing else: browsers are told it. */
const liveNats = z.strictObject({
  servers: z.array(webSocket).min(1).max(16),
  user: z.string().max(256).optional(),
  pass: z.string().max(256).optional(),
})

/** `WAYBILL_HTTP_PORT`, or `WAYBILL_DASHBOARD_HTTP_PORT`, and so on. */
export const dashboardConfig = z.object({
  ...commonSettings,
  prefix: topology.shape.prefix,
  httpHost: z.string().min(1).default('127.0.0.1'),
  httpPort: numeric(port).default(8081),
  /** Health and metrics over HTTP. */
  opsPort: numeric(port).optional(),
  /** Folder of another page than the one that comes with it. */
  page: z.string().min(1).optional(),
  /**
   * JSON: who may sign in, as what; in a file with `WAYBILL_DASHBOARD_TOKENS_FILE`. Without any,
   * whoever reaches the port is `user`: on loopback only.
   */
  tokens: json(tokens).default([]),
  /** Who acts where nobody signs in. */
  user: z.string().min(1).max(256).default('dashboard'),
  /** Names that it is reached by, besides loopback: a page of any other name gets nothing. */
  hosts: list(z.string().min(1)).default([]),
  /** Paths in payloads that nobody is shown; see `redactionRule`. */
  redact: list(redactionRule).default([...redactedByDefault]),
  sessionMs: numeric(positive).default(12 * 3_600_000),
  /** Wrong tokens from one address in a minute; more are not even looked at. */
  signInFailuresMax: numeric(positive).default(10),
  bodyBytesMax: numeric(positive.max(16 * 1024 * 1024)).default(1024 * 1024),
  connectionsMax: numeric(positive).default(1000),
  requestWithinMs: numeric(positive).default(30_000),
  /** For one answer of a service. */
  answerWithinMs: numeric(positive).default(10_000),
  /** JSON; pages of those who are signed in then listen to NATS themselves, and not here. */
  liveNats: json(liveNats).optional(),
  /** Live streams at once; one for each open page. */
  liveClientsMax: numeric(positive).default(200),
  /** Of one live stream; beyond it only the last state of each dispatch is told. */
  liveTransitionsPerSecond: numeric(positive).default(600),
  /** What one live stream may have waiting; whoever takes it too slowly is cut off. */
  liveBytesMax: numeric(positive).default(1024 * 1024),
})
export type DashboardConfig = z.output<typeof dashboardConfig>
