export { dispatcherConfig, type DispatcherConfig } from './config.ts'
export { run, type RunningDispatcher } from './run.ts'
