/** What one process takes on. All of it may be set; each is named with its unit. */
export interface HostLimits {
  /** Attempts asked for and not over, in the whole process; 1,000 made a dispatch 20 % dearer. */
  readonly hotMax: number
  /** Entries stepped and not acknowledged, in the whole process. */
  readonly uncommittedEntriesMax: number
  readonly uncommittedBytesMax: number
  /** A bundle is closed before its entries exceed this. */
  readonly bundleBytesMax: number
  /** Read ahead of the partitions, per reader. */
  readonly readAheadMessages: number
  readonly readAheadBytes: number
  /** Encoded size of the events kept at hand for attempts; others are read again. */
  readonly payloadBytesMax: number
  /** How long due timers may wait for room. */
  readonly tickHeldMsMax: number
  /** The longest that a partition's own housekeeping may hold up the event loop. */
  readonly sliceMsMax: number
  /** A host whose clock is further from the server's does not lead. */
  readonly clockSkewMsMax: number
  /** Time that running handlers get when the host is drained. */
  readonly drainGraceMs: number
  /** Time between the abort of an isolated attempt and the end of its process. */
  readonly abortGraceMs: number
  /** Child processes for attempts that run alone. */
  readonly isolatedMax: number
  /** A checkpoint is written after so many entries, or so long, whichever comes first. */
  readonly checkpointEntries: number
  readonly checkpointEveryMs: number
  readonly leaseMs: number
  readonly renewEveryMs: number
}

const MiB = 1024 * 1024

export const hostLimits: HostLimits = {
  hotMax: 256,
  uncommittedEntriesMax: 8192,
  uncommittedBytesMax: 32 * MiB,
  bundleBytesMax: 4 * MiB,
  readAheadMessages: 512,
  readAheadBytes: 16 * MiB,
  payloadBytesMax: 8 * MiB,
  tickHeldMsMax: 1000,
  sliceMsMax: 20,
  clockSkewMsMax: 2000,
  drainGraceMs: 30_000,
  abortGraceMs: 2000,
  isolatedMax: 4,
  checkpointEntries: 200_000,
  checkpointEveryMs: 24 * 3_600_000,
  leaseMs: 20_000,
  renewEveryMs: 5000,
}
