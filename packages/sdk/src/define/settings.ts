import { durationMs } from './duration.ts'
import { quote, type Issues } from './error.ts'

/** Settings nobody knows, each with the one that was probably meant. */
export function checkNames(
  prefix: string,
  given: object,
  known: readonly string[],
  issues: Issues,
): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const [nearest] = known.toSorted((a, b) => distance(name, a) - distance(name, b))
    const near = nearest !== undefined && distance(name, nearest) <= 2
    const hint = `${near ? `did you mean ${nearest}? ` : ''}known: ${known.join(', ')}`
    issues.add('definition.unknown', `${prefix}${name}`, 'no such setting', hint)
  }
}

/** A duration as whole milliseconds. */
export function inMs(path: string, value: unknown, issues: Issues): number | undefined {
  const hint = "write '250ms', '30s', '5m', '1h', '1d' or { ms: 250 }"
  return (
    durationMs(value) ?? issues.add('definition.unit', path, `${quote(value)} is no duration`, hint)
  )
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Letters to add, drop or change to make one word the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
