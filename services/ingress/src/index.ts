export { ingressConfig, type IngressConfig } from './config.ts'
export { run, type RunningIngress } from './run.ts'
export { type Endpoint } from './webhook/endpoint.ts'
