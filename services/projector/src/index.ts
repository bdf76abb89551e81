export { projectorConfig } from './config.ts'
export { run } from './run.ts'
