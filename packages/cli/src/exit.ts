/**
 * What a command ends with. Scripts rely on these, so none is ever given another meaning.
 */
export const exit = {
  done: 0,
  /** The dispatch or the check failed; also a defect of ours. */
  failed: 1,
  usage: 2,
  notFound: 3,
  /** Nobody there, or nobody who lets us in. */
  unreachable: 4,
  /** The state of things does not allow it. */
  refused: 5,
  timedOut: 6,
  diverged: 7,
  interrupted: 130,
} as const
export type ExitCode = (typeof exit)[keyof typeof exit]
