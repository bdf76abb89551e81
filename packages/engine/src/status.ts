import {
  eventsIn,
  wholeApp,
  type Held,
  type Partition,
  type Pause,
  type Position,
} from '@waybill/core'
import type { JournalHead } from './commit.ts'
import type { LoopState } from './partition.ts'
import type { Room } from './room.ts'
import type { Seat } from './seat.ts'
import type { Turns } from './turns.ts'

type Positions = Readonly<Record<string, Position>>

export interface PartitionStatus {
  readonly slot: number
  readonly state: LoopState
  readonly epoch: number
  /** The last bundle that the log has, and how far the inputs were read by then. */
  readonly confirmed: JournalHead & { readonly positions: Positions }
  /** How far the inputs are read by now. */
  readonly stepped: Positions
  readonly open: number
  readonly hot: number
  /** Entries stepped and not in the log. */
  readonly uncommitted: number
  /** Age of the oldest message that waits for room, by the server's clock. */
  readonly lagMs: number
  /** Pauses in force, and what they held that was not given yet. */
  readonly pauses: readonly PauseStatus[]
  /** Why it must not go on. */
  readonly halted?: string
}

export interface PauseStatus {
  /** Absent: the whole app. */
  readonly binding?: string
  /** Absent: it was resumed, and is being given what was held. */
  readonly pause?: Pause
  /** What it is owed. From that place on retention keeps everything. */
  readonly held?: {
    readonly stream: string
    readonly from: readonly [seq: number, index: number]
    readonly events: number
    readonly bytes: number
    /** Since the first of them came; those given since then included. */
    readonly ageMs: number
  }
}

export interface HostStatus {
  readonly app: string
  readonly instance: string
  readonly incarnation: string
  readonly room: Readonly<Room>
  readonly partitions: readonly PartitionStatus[]
}

export function statusOf(seat: Seat, turns: Turns, now: number): PartitionStatus {
  const { loop, last } = seat
  const { partition, head, effects } = loop
  const waiting = turns.waitingSince(loop)
  return {
    slot: loop.slot,
    state: loop.state,
    epoch: partition.epoch.number,
    confirmed: { ...head, positions: last?.positions ?? {} },
    stepped: Object.fromEntries(partition.positions),
    open: partition.dispatches.size,
    hot: effects.hot,
    uncommitted: loop.uncommitted,
    lagMs: waiting === undefined ? 0 : Math.max(0, now - waiting),
    pauses: pausesOf(partition, now),
  }
}

function pausesOf(partition: Partition, now: number): readonly PauseStatus[] {
  const { pauses, held } = partition
  const app = pauses.get(wholeApp)
  const ids = new Set([...pauses.keys(), ...held.keys()])
  ids.delete(wholeApp)
  return [
    ...(app ? [{ pause: app }] : []),
    ...[...ids].sort().map((id) => {
      const pause = pauses.get(id) ?? app
      const owing = heldOf(held.get(id), now)
      return { binding: id, ...(pause && { pause }), ...(owing && { held: owing }) }
    }),
  ]
}

function heldOf(held: Held | undefined, now: number): PauseStatus['held'] {
  const first = held?.runs[0]
  if (!held || !first) return undefined
  const { stream, bytes } = held
  const { from, since } = first
  return { stream, from, bytes, events: eventsIn(held), ageMs: Math.max(0, now - since) }
}

/** A partition that this host has the lease of and does not lead. */
export const haltedStatus = (slot: number, cause: unknown): PartitionStatus => ({
  slot,
  state: 'halted',
  epoch: 0,
  confirmed: { seq: 0, number: 0, hash: undefined, positions: {} },
  stepped: {},
  open: 0,
  hot: 0,
  uncommitted: 0,
  lagMs: 0,
  pauses: [],
  halted: cause instanceof Error ? `${cause.name}: ${cause.message}` : 'unknown',
})
