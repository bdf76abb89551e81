import { topology } from '@waybill/log'
import { commonSettings, flag, numeric } from '@waybill/service'
import { z } from 'zod'

const positive = z.int().positive()

/** `WAYBILL_DATA`, or `WAYBILL_PROJECTOR_DATA`, and so on. */
export const projectorConfig = z.object({
  ...commonSettings,
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
export type ProjectorConfig = z.output<typeof projectorConfig>
