export { digest } from './dump.ts'
export { readEvent } from './event-store.ts'
export { Ambiguous, BadCursor, NotFound } from './fault.ts'
export { type Folded, type FoldedBundle, type Halted, openFolder } from './fold.ts'
export { createGateReader } from './gates.ts'
export { toDot, toMermaid } from './graph/text.ts'
export { type HistorySource, readEnds, readHistory } from './history.ts'
export { liveBundle, type LiveBundle, liveOf, type LiveTransition } from './live.ts'
export { openProjector, type Projector, type ProjectorStatus } from './projector.ts'
export { listBindings } from './query/bindings.ts'
export { findDeadLetter, groupDeadLetters, listDeadLetters } from './query/dead-letters.ts'
export {
  countDispatches,
  dispatchesOfEvent,
  findDispatch,
  listDispatches,
} from './query/dispatches.ts'
export { listEvents } from './query/events.ts'
export { explainEvent } from './query/explain.ts'
export { graphOf } from './query/graph.ts'
export { resolveId } from './query/ids.ts'
export { readLive } from './query/live.ts'
export { readRates } from './query/rates.ts'
export { countStates } from './query/stats.ts'
export { summaryOf } from './query/summary.ts'
export { fillStore, rebuildStore, verifyStore } from './rebuild.ts'
export { openSqliteStore } from './sqlite/store.ts'
export type { RowStore } from './store.ts'
export { type DispatchTable, partitionOf } from './tables.ts'
