export { dashboardConfig } from './config.ts'
export { run } from './run.ts'
