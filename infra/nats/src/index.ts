export { type SyncMode, type WebsocketOptions } from './config.ts'
export { NatsServerError, type NatsServerErrorCode, type NatsServerFault } from './error.ts'
export {
  startNatsServer,
  type NatsServer,
  type NatsServerExit,
  type NatsServerOptions,
} from './server.ts'
