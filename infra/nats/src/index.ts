export { type SyncMode } from './config.ts'
export { NatsServerError } from './error.ts'
export { startNatsServer, type NatsServer, type NatsServerOptions } from './server.ts'
