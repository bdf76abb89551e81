import { createLogger, loadConfig, serve } from '@waybill/service'
import { dashboardConfig } from './config.ts'
import { run } from './run.ts'

const config = loadConfig(dashboardConfig, process.env, { service: 'dashboard' })
const log = createLogger({
  fields: { service: 'dashboard', instance: config.instance },
  level: config.logLevel,
  format: config.logPretty ? 'pretty' : 'json',
})

await serve(
  async (scope) => {
    await run(scope, config)
  },
  { log, graceMs: config.drainMs },
)
