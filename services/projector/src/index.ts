export { projectorConfig, type ProjectorConfig } from './config.ts'
export { run, type RunningProjector } from './run.ts'
