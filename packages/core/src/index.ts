export { acceptEvent, type Acceptance } from './accept.ts'
export {
  bindingKey,
  defaultTimeouts,
  definitionHash,
  flowSpec,
  handlerSpec,
  manifest,
  MANIFEST_VERSION,
  predicate,
  priority,
  tier,
  timeouts,
  type BindingKey,
  type FlowSpec,
  type HandlerSpec,
  type KeyedLimit,
  type Manifest,
  type Predicate,
  type Timeouts,
} from './binding.ts'
export {
  CodecError,
  codecLimits,
  decode,
  encode,
  equalBytes,
  type CodecErrorCode,
  type CodecLimits,
  type Plain,
  type PlainMap,
} from './codec.ts'
export { retrace, type Moved } from './dispatch/actor.ts'
export { effect, type Effect, type EffectKind, type EffectOf } from './dispatch/effect.ts'
export {
  dispatchEvent,
  waitReason,
  type DispatchEvent,
  type DispatchEventType,
  type TimerName,
  type WaitReason,
} from './dispatch/event.ts'
export { dispatchMachine, MACHINE_VERSION } from './dispatch/machine.ts'
export {
  deadReason,
  dispatchOrigin,
  dispatchRecord,
  dispatchState,
  finalState,
  inputRef,
  isFinal,
  openState,
  outcome,
  type DeadReason,
  type Dispatch,
  type DispatchOrigin,
  type DispatchRecord,
  type DispatchState,
  type InputRef,
  type Outcome,
} from './dispatch/record.ts'
export {
  chain,
  eventDraft,
  eventHead,
  EVENT_VERSION,
  headOf,
  signature,
  waybillEvent,
  type Chain,
  type EventDraft,
  type EventHead,
  type WaybillEvent,
} from './event.ts'
export {
  attemptClass,
  attemptError,
  causeClass,
  classifyHttp,
  normaliseThrown,
  PermanentError,
  RetryAfter,
  WaybillError,
  type AttemptClass,
  type AttemptError,
  type CauseClass,
  type Explanation,
  type Fault,
} from './fault.ts'
export { flow, member, standing, type Flow, type Member, type Standing } from './dispatch/flow.ts'
export { circuitDeed, rampOf, type Circuit, type CircuitView } from './ledger/circuit-state.ts'
export { gateOf } from './ledger/gates.ts'
export { type Ledger, traceOf } from './ledger/ledger.ts'
export {
  byOrder,
  keyLimit,
  labelIn,
  labelOf,
  limit,
  placeOf,
  sharedApp,
  type Limit,
  type Place,
  type Placing,
  type Scope,
} from './ledger/limit.ts'
export {
  batchSizeMax,
  patched,
  rule,
  rulePatch,
  type Rule,
  type RuleKind,
  type RuleOf,
  type RulePatch,
} from './ledger/rule.ts'
export { keyOf, type Answer, type Numbers, type Refusal, type Ticket } from './ledger/ticket.ts'
export type { AttemptRun, Definition, HostedApp, HostedEventType, LimitKeys } from './hosted.ts'
export {
  dispatchId,
  dispatchIdOf,
  effectId,
  eventId,
  eventIdOf,
  hashParts,
  hex64,
  isToken,
  parseEffectId,
  parseId,
  slotOf,
  token,
  type Hash,
} from './id.ts'
export { liveBundle, type LiveBundle, LIVE_VERSION, type LiveTransition } from './live.ts'
export { apply } from './partition/apply.ts'
export {
  encodeBuckets,
  freeze,
  snapshotHash,
  type Bucket,
  type Frozen,
} from './partition/checkpoint.ts'
export { defChange, DEFINITION_VERSION, type DefChange } from './partition/definition.ts'
export {
  effectResult,
  entry,
  fact,
  input,
  limits,
  RULES,
  transition,
  verdict,
  type EffectResult,
  type Entry,
  type Fact,
  type FactOf,
  type Input,
  type InputOf,
  type Transition,
  type Verdict,
} from './partition/entry.ts'
export {
  cancelTarget,
  letter,
  letterAnswer,
  letterBody,
  LETTER_VERSION,
  receiver,
  type CancelTarget,
  type Letter,
  type LetterAnswer,
  type LetterBody,
  type Receiver,
} from './partition/letter.ts'
export { outboxKey } from './partition/outbox.ts'
export type { Held, Pause, Where } from './partition/held.ts'
export {
  eventsIn,
  firstHeld,
  holdersOf,
  holdsBack,
  isPaused,
  owed,
  owedTo,
  wholeApp,
  type Holder,
  type Stretch,
} from './partition/pause.ts'
export { quarantineBytes, quarantineOf } from './partition/quarantine.ts'
export { restorePartition } from './partition/restore.ts'
export { bucketsCount, SNAPSHOT_VERSION } from './partition/snapshot-shape.ts'
export {
  candidates,
  createPartition,
  dueAt,
  isTaken,
  manifestOf,
  mustQuarantine,
  nextDue,
  ruleOf,
  type Partition,
  type PartitionId,
  type Position,
} from './partition/state.ts'
export { defaultRetry, delayMs, jitterOf, retryPolicy, type RetryPolicy } from './retry.ts'
export { step, type Stepped } from './partition/step.ts'
export { typeMatches } from './type-pattern.ts'
