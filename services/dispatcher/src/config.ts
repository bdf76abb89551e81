import { topology } from '@waybill/log'
import { commonSettings, numeric } from '@waybill/service'
import { z } from 'zod'

const positive = z.int().positive()
const limit = numeric(positive).optional()

/** `WAYBILL_HOT_MAX`, or `WAYBILL_DISPATCHER_HOT_MAX`, and so on. Limits left out are the engine's. */
export const dispatcherConfig = z.object({
  ...commonSettings,
  prefix: topology.shape.prefix,
  /** Both, or neither: then the newest generation is asked of the streams. */
  generation: numeric(positive).optional(),
  slots: numeric(positive.max(1024)).optional(),
  /** Path or file URL of the module that exports the app. */
  app: z.string().min(1),
  /** Folder of the lock of this instance's name: what makes an instant restart possible. */
  data: z.string().min(1).default('.waybill/dispatcher'),
  /** How long this host may be silent before others take its partitions. */
  leaseMs: limit,
  renewEveryMs: limit,
  /** Attempts under way in this process. */
  hotMax: limit,
  uncommittedEntriesMax: limit,
  uncommittedBytesMax: limit,
  payloadBytesMax: limit,
  checkpointEntries: limit,
  checkpointEveryMs: limit,
  /** Between the abort of an isolated attempt and the end of its process. */
  abortGraceMs: limit,
  /** Health and metrics over HTTP. */
  opsHost: z.string().min(1).default('127.0.0.1'),
  opsPort: numeric(z.int().min(0).max(65_535)).optional(),
})
export type DispatcherConfig = z.output<typeof dispatcherConfig>
