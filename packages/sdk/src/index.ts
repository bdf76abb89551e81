export { PermanentError, RetryAfter } from '@waybill/core'
export type { EventDraft, Plain, WaybillEvent } from '@waybill/core'
export { defineApp, type App, type AppSpec } from './app.ts'
export {
  defineBinding,
  type Binding,
  type BindingSpec,
  type Judgement,
  type PredicateContext,
} from './binding.ts'
export {
  createClient,
  EventRefused,
  type Client,
  type ClientOptions,
  type ClientSendOptions,
  type ClientTarget,
  type SentEvent,
} from './client.ts'
export type { HandlerContext, SendOptions } from './context.ts'
export { DefinitionError, type DefinitionIssue, type DefinitionIssueCode } from './define/error.ts'
export type { Duration } from './define/duration.ts'
export type { CircuitSettings } from './define/circuit.ts'
export type { FlowSettings, Key, KeyPolicy } from './define/flow-settings.ts'
export {
  defineEvent,
  type EventDefinition,
  type EventOf,
  type Trigger,
  type TypedEvent,
} from './event.ts'
export { loadApp } from './load.ts'
export type { RetrySpec } from './define/retry.ts'
export type { TimeoutSpec } from './define/timeouts.ts'
