export { sleepUntil, systemClock, virtualClock, type Clock, type VirtualClock } from './clock.ts'
export type { Committed, JournalHead } from './commit.ts'
export {
  changeLimit,
  deployApp,
  planDeploy,
  pauseBinding,
  resumeBinding,
  type Deployed,
  type DeployOptions,
  type LimitChange,
  type PauseChange,
} from './deploy.ts'
export { type Dispute, findDisputes } from './disputes.ts'
export {
  DuplicateInstance,
  EngineDefect,
  EngineFault,
  InputLost,
  JournalBroken,
  RulesUnknown,
  SnapshotBroken,
} from './fault.ts'
export { eventIn } from './fetch.ts'
export type { FlowStatus, LedgerStatus, LimitStatus } from './flow-status.ts'
export { createHost, type Host, type OpenDispatch } from './host.ts'
export type { HostOptions } from './host-options.ts'
export { createKeeper, type Keeper } from './keeper.ts'
export { streamOf } from './lanes.ts'
export { ledgersOnly } from './ledgers-only.ts'
export {
  decodeLease,
  decodeMember,
  plan,
  type Lease,
  type Member,
  type Move,
  type View,
} from './lease.ts'
export { hostLimits, type HostLimits } from './limits.ts'
export { recover, type OpenPorts, type Recovered } from './open.ts'
export type { Counters, EngineLogger } from './ports.ts'
export type { HostStatus, PartitionStatus } from './status.ts'
