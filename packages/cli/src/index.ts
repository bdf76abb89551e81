export { runDev, type RunningDev } from './dev/run.ts'
export type { DevOptions } from './dev/options.ts'
export { CliError, exitCodeOf, render } from './error.ts'
export { exit, type ExitCode } from './exit.ts'
export { journalOf, partitions, type Journals } from './journals.ts'
export { driftOf, type Drift } from './replay/against.ts'
export { replayAll, type ReplayedAll, type ReplayedPartition } from './replay/all.ts'
export { differences, type Difference } from './replay/difference.ts'
export { readExport, writeExport } from './replay/export.ts'
export {
  createReplayer,
  type Divergence,
  type Recorded,
  type Replayer,
} from './replay/partition.ts'
export { replaySlice, type SliceStep } from './replay/slice-replay.ts'
export { createSliceTaker, type Slice } from './replay/slice.ts'
export { sliceOf } from './replay/source.ts'
export { verifyAll, type Verified, type VerifiedPartition } from './verify/all.ts'
export type { Finding } from './verify/finding.ts'
export { createHistory, type History, type PartitionSummary } from './verify/history.ts'
