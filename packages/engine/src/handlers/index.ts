import type { HandlerSpec } from '@waybill/core'
import type { Handler } from './handler.ts'
import { createLocalHandler, type LocalPorts } from './local.ts'

export type Handlers = { readonly [K in HandlerSpec['kind']]: Handler }

export const createHandlers = (ports: LocalPorts): Handlers => ({
  local: createLocalHandler(ports),
})
