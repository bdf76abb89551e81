import { createLogger, loadConfig, serve } from '@waybill/service'
import { ingressConfig } from './config.ts'
import { run } from './run.ts'

const config = loadConfig(ingressConfig, process.env, { service: 'ingress' })
const log = createLogger({
  fields: { service: 'ingress', instance: config.instance },
  level: config.logLevel,
  format: config.logPretty ? 'pretty' : 'json',
})

await serve(
  async (scope) => {
    await run(scope, config)
  },
  { log, graceMs: config.drainMs },
)
