export {
  ConfigError,
  type ConfigProblem,
  type ConfigSources,
  flag,
  json,
  list,
  loadConfig,
  numeric,
  parseConfig,
} from './config.ts'
export { connectNats, type ConnectOptions } from './connect.ts'
export { exitCodes, explain, ServiceError, type ServiceFault } from './fault.ts'
export {
  createHealth,
  type Health,
  type HealthCheck,
  type HealthOptions,
  type HealthProbe,
  type HealthReport,
} from './health.ts'
export {
  type Closable,
  openScope,
  type OwnedScope,
  type Scope,
  type ScopeOptions,
  serve,
} from './lifecycle.ts'
export { createLogger, type Logger, type LoggerOptions, logLevel } from './logger.ts'
export { answerOps, type OpsAnswer, openOpsServer, type OpsServer, type OpsSources } from './ops.ts'
export { commonSettings, natsSettings, type NatsSettings } from './settings.ts'
export {
  type Counter,
  createMetrics,
  type EventLoopWatch,
  type Histogram,
  type Labels,
  type MetricName,
  type Metrics,
  watchProcess,
} from './telemetry.ts'
