/** One field that is not the same on both sides; `undefined` is an absent one. */
export interface Difference {
  /** As in `facts[0].record.timers.retry`. */
  readonly path: string
  readonly recorded: unknown
  readonly replayed: unknown
}

const shownMax = 50

/** Field by field, in the order of the recorded side; at most 50, the first ones say most. */
export function differences(recorded: unknown, replayed: unknown): readonly Difference[] {
  const found: Difference[] = []
  compare('', recorded, replayed, found)
  return found
}

function compare(path: string, recorded: unknown, replayed: unknown, found: Difference[]): void {
  if (found.length >= shownMax || Object.is(recorded, replayed)) return
  if (Array.isArray(recorded) && Array.isArray(replayed)) {
    for (let at = 0; at < Math.max(recorded.length, replayed.length); at++) {
      compare(`${path}[${at}]`, recorded[at], replayed[at], found)
    }
  } else if (isMap(recorded) && isMap(replayed)) {
    for (const key of keysOf(recorded, replayed)) {
      compare(fieldOf(path, key), recorded[key], replayed[key], found)
    }
  } else if (!isSameBytes(recorded, replayed)) {
    found.push({ path, recorded, replayed })
  }
}

const fieldOf = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`)

const keysOf = (...maps: readonly object[]): ReadonlySet<string> =>
  new Set(maps.flatMap((map) => Object.keys(map)))

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return !(value instanceof Uint8Array)
}

const isSameBytes = (a: unknown, b: unknown): boolean =>
  a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0
