import type { EffectResult, Entry, HostedApp } from '@waybill/core'
import { subjects, type EventLog, type SnapshotStore, type Topology } from '@waybill/log'
import type { Clock } from './clock.ts'
import type { Committed } from './commit.ts'
import { asks, Effects, type EffectPorts } from './effects.ts'
import type { Handlers } from './handlers/index.ts'
import type { FetchEvent } from './fetch.ts'
import type { HeldItem } from './intake.ts'
import type { HostLimits } from './limits.ts'
import type { SendLetters } from './mail.ts'
import { stands, type Recovered } from './open.ts'
import { Loop } from './partition.ts'
import type { Payloads } from './payloads.ts'
import type { Counters, EngineLogger } from './ports.ts'
import type { Room } from './room.ts'
import { createCheckpoints, type Checkpoints } from './snapshot.ts'
import type { Turns } from './turns.ts'

/** What all partitions of a host share. */
export interface Shared {
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly topology: Topology
  readonly app: HostedApp<AbortSignal>
  readonly instance: string
  readonly clock: Clock
  readonly limits: HostLimits
  readonly logger: EngineLogger
  readonly counters: Counters
  readonly room: Room
  readonly payloads: Payloads
  readonly handlers: Handlers
  readonly turns: Turns
  readonly signal: AbortSignal
  readonly store: EffectPorts['store']
  readonly reply: EffectPorts['reply']
  readonly fetch: FetchEvent
  readonly sendLetters: SendLetters
}

export interface SeatEvents {
  committed(seat: Seat, bundle: Committed): void
  stepped(loop: Loop, entry: Entry): void
  kept(loop: Loop, item: HeldItem): void
  fenced(loop: Loop, lastSeq: number): void
  forgotten(loop: Loop): void
  failed(loop: Loop | undefined, cause: unknown): void
}

/** A partition that this host leads, or is about to. */
export interface Seat {
  readonly loop: Loop
  readonly checkpoints: Checkpoints
  /** Header of the last bundle acknowledged under this host. */
  readonly last: Committed['header'] | undefined
}

/** Puts a recovered partition to work: its loop, its effects, its checkpoints. */
export function takeSeat(shared: Shared, recovered: Recovered, events: SeatEvents): Seat {
  const { log, topology, clock, limits, turns, counters, logger } = shared
  const { partition, head, session } = recovered
  const { app, slot } = partition
  const checkpoints = createCheckpoints({
    hash: log.hash,
    snapshots: shared.snapshots,
    partition,
    clock,
    limits,
    folded: recovered.folded,
    since: recovered.since,
    result: (effect, result) => loop.feed({ kind: 'result', effect, result }),
    failed: (cause) => logger.warn({ err: cause, slot }, 'a checkpoint could not be written'),
  })
  const seat: { loop: Loop; checkpoints: Checkpoints; last: Seat['last'] } = {
    checkpoints,
    last: undefined,
    loop: new Loop({
      ...shared,
      slots: topology.slots,
      partition,
      head,
      session,
      stands: (last, ...read) => stands(partition, shared, last, read),
      subject: subjects(topology).journal(app, slot),
      createEffects: (result) => effectsOf(shared, partition, result, events.failed),
      freeze: () => checkpoints.freeze(),
      touched: (touched) => turns.touch(touched),
      again: (again) => turns.again(again),
      held: (held) => turns.hold(held),
      stepped: (entry) => {
        count(counters, entry)
        events.stepped(loop, entry)
      },
      kept: events.kept,
      committed: (_, bundle) => {
        seat.last = bundle.header
        checkpoints.committed(bundle)
        countBundle(counters, bundle)
        events.committed(seat, bundle)
      },
      fenced: events.fenced,
      forgotten: events.forgotten,
      delayed: (_, cause) => {
        counters.delayed += 1
        logger.warn({ err: cause, slot }, 'the log does not take a bundle, asking again')
      },
      failed: events.failed,
    }),
  }
  const { loop } = seat
  return seat
}

function effectsOf(
  shared: Shared,
  partition: Recovered['partition'],
  result: (effect: string, result: EffectResult) => void,
  failed: SeatEvents['failed'],
): Effects {
  return new Effects({
    ...shared,
    partition,
    slots: shared.topology.slots,
    result,
    sendLetters: (effect) => shared.sendLetters(partition, effect, result),
    defect: (cause) => failed(undefined, cause),
    freed: () => shared.turns.freed(),
  })
}

function count(counters: Counters, { input, facts, effects }: Entry): void {
  counters.entries += 1
  if (input.kind === 'tick') counters.ticks += 1
  if (input.kind === 'quarantined') counters.quarantined += 1
  for (const { kind } of effects) if (asks(kind)) counters.asked += 1
  if (facts[0]?.kind === 'result.late') counters.late += 1
  if (facts[0]?.kind === 'checkpoint') counters.checkpoints += 1
}

function countBundle(counters: Counters, { bytes, ms }: Committed): void {
  counters.bundles += 1
  counters.bundleBytes += bytes.length
  counters.appendMs += ms
}
