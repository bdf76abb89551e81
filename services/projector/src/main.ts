import { createLogger, loadConfig, serve } from '@waybill/service'
import { projectorConfig } from './config.ts'
import { run } from './run.ts'

const config = loadConfig(projectorConfig, process.env, { service: 'projector' })
const log = createLogger({
  fields: { service: 'projector', instance: config.instance },
  level: config.logLevel,
  format: config.logPretty ? 'pretty' : 'json',
})

await serve(
  async (scope) => {
    await run(scope, config)
  },
  { log, graceMs: config.drainMs },
)
