export { checkHistory, type Checked, type CheckedPartition, type CheckOptions } from './check.ts'
export { differences, type Difference } from './difference.ts'
export type { Dispatches, KnownDispatch } from './dispatches.ts'
export type { Acknowledged, Evidence, Fence, Reply, Run } from './evidence.ts'
export type { About, Complain, Finding } from './finding.ts'
export {
  createHistory,
  type History,
  type HistoryOptions,
  type PartitionSummary,
} from './history.ts'
export type {
  HistoryScope,
  Inputs,
  Invariant,
  Move,
  PartitionScope,
  Recorded,
  Taken,
  Watcher,
} from './invariant.ts'
export { invariants } from './invariants.ts'
export { replays } from './invariants/replay.ts'
export { deployedApps, firstDeploy, journalOf, partitions, type Past } from './journals.ts'
export { lanesOf, type EventPlace, type Lane, type Reads } from './lanes.ts'
export { laws, type Law } from './laws.ts'
export { decidedAgain, retraceDispatch } from './retrace.ts'
export { createReplayer, OtherRules, type Divergence, type Place, type Replayer } from './replay.ts'
