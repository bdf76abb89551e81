export { ingressConfig } from './config.ts'
export { run } from './run.ts'
