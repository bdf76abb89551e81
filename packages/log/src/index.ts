export { appendUntilKnown, sendUntilKnown, type Answer, type Message, type Wire } from './append.ts'
export {
  BUNDLE_VERSION,
  bundleHeader,
  decodeBatch,
  decodeBundle,
  decodeEntry,
  encodeBatch,
  encodeBundle,
  type Bundle,
  type BundleHeader,
} from './bundle.ts'
export {
  ChainBroken,
  LogBusy,
  LogClosed,
  LogFault,
  LogFull,
  LogRefused,
  LogUnavailable,
  PositionLost,
  SnapshotDamaged,
  SnapshotExists,
  TopologyMismatch,
  type ChainBreak,
  type LogFaultKind,
  type TopologyDifference,
} from './fault.ts'
export {
  openLeases,
  type JetStreamLeaseStore,
  type JetStreamStoreOptions,
} from './jetstream/leases.ts'
export { jetStreamLimits, type JetStreamLimits } from './jetstream/limits.ts'
export { openJetStreamLog, type JetStreamLogOptions } from './jetstream/log.ts'
export { openSnapshots, type JetStreamSnapshotStore } from './jetstream/snapshots.ts'
export {
  applyTopology,
  readTopology,
  settleTopology,
  type AppliedTopology,
} from './jetstream/topology.ts'
export {
  tail,
  walk,
  type JournalBundle,
  type JournalPosition,
  type JournalWalk,
} from './journal.ts'
export type {
  AppendOptions,
  AppendOutcome,
  EventLog,
  LeaseChange,
  LeaseStore,
  LeaseValue,
  Reader,
  ReadRange,
  SnapshotStore,
  Stored,
  StreamInfo,
  Topology,
} from './log.ts'
export { createMemoryLeases } from './memory/leases.ts'
export {
  openMemoryLog,
  type MemoryFault,
  type MemoryLogOptions,
  type MemoryRequest,
} from './memory/log.ts'
export { createMemoryServer, type MemoryServer, type MemoryServerOptions } from './memory/server.ts'
export { createMemorySnapshots } from './memory/snapshots.ts'
export {
  readRetired,
  runRetention,
  type RetentionFloor,
  type RetentionResult,
  type RetentionRun,
} from './retention.ts'
export {
  createSender,
  senderLimits,
  type Sender,
  type SenderLimits,
  type SenderOptions,
  type Sent,
} from './sender.ts'
export { sha256 } from './sha256.ts'
export {
  embeddedTopology,
  lanes,
  streamNames,
  subjects,
  topology,
  type Lane,
  type StreamNames,
  type Subjects,
} from './topology.ts'
