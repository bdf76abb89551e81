/** Places at which a process ends itself with `kill -9`, as code would be read from top to bottom. */
const places = {
  dispatcher: [
    /** A lease is ours and the partition is not opened. */
    'leased',
    'epoch-unwritten',
    'epoch-written',
    /** A bundle that asks for attempts. */
    'attempt-unwritten',
    'attempt-written',
    /** A handler has returned, and its result is not in the log. */
    'result-unwritten',
    'result-written',
    /** Bundles of several partitions are on their way. */
    'flush-begun',
    'flush-half',
    /** An event that a handler sends. */
    'event-unstored',
    'event-stored',
    /** A letter from the API to a partition. */
    'letter-unstored',
    'letter-stored',
    'snapshot-begun',
    'snapshot-half',
    'checkpoint-unwritten',
    'checkpoint-written',
    'snapshot-pruned',
    /** After SIGTERM. */
    'drain-unwritten',
    'drain-unreleased',
    'drain-half',
  ],
  ingress: ['event-unstored', 'event-stored'],
  projector: ['rows-unwritten', 'rows-half', 'rows-uncommitted', 'rows-committed'],
} as const

export type Victim = keyof typeof places
export type Place = (typeof places)[Victim][number]

export interface CrashPoint {
  readonly victim: Victim
  readonly place: Place
}

export const crashPoints: readonly CrashPoint[] = Object.entries(places).flatMap(([victim, all]) =>
  all.map((place) => ({ victim: victim as Victim, place })),
)

/** What the process is told by: the place, how often it is passed before, and where to say so. */
export const crashVariables = {
  place: 'CHAOS_CRASH_PLACE',
  passes: 'CHAOS_CRASH_PASSES',
  mark: 'CHAOS_CRASH_MARK',
} as const
