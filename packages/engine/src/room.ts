import type { HostLimits } from './limits.ts'

/** What a process has taken on and not finished: the sum over its partitions. */
export interface Room {
  /** Attempts and judgements asked for and not over. */
  hot: number
  /** Entries stepped and not acknowledged. */
  entries: number
  bytes: number
}

export const emptyRoom = (): Room => ({ hot: 0, entries: 0, bytes: 0 })

/** May more work be taken on? What answers earlier work is taken in any case. */
export const hasRoom = (room: Room, limits: HostLimits): boolean =>
  room.hot < limits.hotMax &&
  room.entries < limits.uncommittedEntriesMax &&
  room.bytes < limits.uncommittedBytesMax
