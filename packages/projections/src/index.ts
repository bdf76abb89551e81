export {
  JournalReplaced,
  StoreLocked,
  StoreUnknown,
  Ambiguous,
  BadCursor,
  NotFound,
} from './fault.ts'
export type { Folded, FoldedBundle, FoldedEntry, Halted } from './fold.ts'
export { openFolder } from './fold.ts'
export { readEvent } from './event-store.ts'
export { actionGraph, type Manifests } from './graph/action-graph.ts'
export { graphOf } from './query/graph.ts'
export type { ActionGraph, EdgeKind, GraphEdge, GraphNode, NodeKind } from './graph/canvas.ts'
export { toDot, toMermaid } from './graph/text.ts'
export {
  readEnds,
  readHistory,
  type History,
  type HistoryEntry,
  type HistorySource,
} from './history.ts'
export { liveBundle, type LiveBundle, liveOf, liveTransition, type LiveTransition } from './live.ts'
export { openProjector, type Projector, type ProjectorStatus } from './projector.ts'
export { listBindings } from './query/bindings.ts'
export { findDeadLetter, listDeadLetters } from './query/dead-letters.ts'
export {
  dispatchesOfChain,
  dispatchesOfEvent,
  findDispatch,
  listDispatches,
  summaryOf,
} from './query/dispatches.ts'
export { explainEvent } from './query/explain.ts'
export { resolveId } from './query/ids.ts'
export { fillStore, rebuildStore, verifyStore } from './rebuild.ts'
export { openSqliteStore } from './sqlite/store.ts'
export type { RowStore } from './store.ts'
export { type DispatchTable, partitionOf, type Tables } from './tables.ts'
