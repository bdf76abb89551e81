import { pathTo } from '../../ui/json-lines.ts'

/** What is different between two plain values, leaf by leaf. */
export interface Difference {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

export function differences(before: unknown, after: unknown, path = ''): Difference[] {
  if (Object.is(before, after)) return []
  if (!isTree(before) || !isTree(after) || Array.isArray(before) !== Array.isArray(after)) {
    return [{ path, before, after }]
  }
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return keys.flatMap((key) =>
    differences(before[key], after[key], pathTo(path, key, Array.isArray(before))),
  )
}

const isTree = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
