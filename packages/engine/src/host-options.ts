import type { HostedApp } from '@waybill/core'
import type { EventLog, LeaseStore, SnapshotStore, Topology } from '@waybill/log'
import type { Clock } from './clock.ts'
import type { Committed } from './commit.ts'
import type { Spawn } from './handlers/spawn.ts'
import type { HostLimits } from './limits.ts'
import type { EngineLogger } from './ports.ts'

export interface HostOptions {
  readonly log: EventLog
  readonly leases: LeaseStore
  readonly snapshots: SnapshotStore
  readonly topology: Topology
  readonly app: HostedApp<AbortSignal>
  /** A name of this process that survives its restart; a subject token. */
  readonly instance: string
  /** The lock file of this name is held: whoever had the name before is dead. */
  readonly locked?: boolean
  /** Told apart by it from all earlier and other processes of this name; random unless given. */
  readonly incarnation?: string
  readonly clock?: Clock
  readonly limits?: Partial<HostLimits>
  readonly logger?: EngineLogger
  /** Answers a client's letter; nobody waits for it to arrive. */
  readonly reply: (to: string, letter: string, body: unknown) => void
  /** URL of a module with `loadApp(url)`, and the flags of the child process that imports it. */
  readonly isolated?: { readonly loader: string; readonly execArgv?: readonly string[] }
  /** What is a child process elsewhere; the real ones unless given. */
  readonly spawn?: Spawn
  /** The server's time, epoch ms. A host whose clock is far from it does not lead. */
  readonly serverNow?: () => Promise<number>
  /** After every bundle of this host, in journal order per partition. */
  readonly onCommitted?: (bundle: Committed) => void
}
