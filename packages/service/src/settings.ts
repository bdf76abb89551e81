import { hostname } from 'node:os'
import { z } from 'zod'
import { flag, list, numeric } from './config.ts'
import { logLevel } from './logger.ts'

const file = z.string().min(1)

/** How to reach NATS. A credentials file, or user and password, or neither. */
export const natsSettings = {
  natsServers: list(z.string().min(1)).default(['nats://127.0.0.1:4222']),
  natsCreds: file.optional(),
  natsUser: z.string().optional(),
  natsPassword: z.string().optional(),
  natsTlsCa: file.optional(),
  natsTlsCert: file.optional(),
  natsTlsKey: file.optional(),
  /** Own inboxes, so that permissions can keep others from reading the answers. */
  natsInboxPrefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/)
    .optional(),
  /** How long a start waits for the server. */
  natsConnectWithinMs: numeric(z.int().positive()).default(10_000),
}
const natsSchema = z.object(natsSettings)
export type NatsSettings = z.output<typeof natsSchema>

/** Every service has these. */
export const commonSettings = {
  ...natsSettings,
  /** Names this process in leases, metrics and logs; the same after a restart. */
  instance: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'letters, digits, _ and -, at most 64' })
    .default(() =>
      hostname()
        .replace(/[^A-Za-z0-9_-]/g, '-')
        .slice(0, 64),
    ),
  logLevel: logLevel.default('info'),
  logPretty: flag.default(false),
  /** For a clean stop; what is not done then is left to the log. */
  drainMs: numeric(z.int().nonnegative()).default(30_000),
}
