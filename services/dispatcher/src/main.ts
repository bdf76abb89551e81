import { createLogger, loadConfig, serve } from '@waybill/service'
import { dispatcherConfig } from './config.ts'
import { run } from './run.ts'

const config = loadConfig(dispatcherConfig, process.env, { service: 'dispatcher' })
const log = createLogger({
  fields: { service: 'dispatcher', instance: config.instance },
  level: config.logLevel,
  format: config.logPretty ? 'pretty' : 'json',
})

await serve(
  async (scope) => {
    await run(scope, config)
  },
  { log, graceMs: config.drainMs },
)
