export { dispatcherConfig } from './config.ts'
export { run } from './run.ts'
