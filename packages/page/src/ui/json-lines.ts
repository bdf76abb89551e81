/** A value as the lines that are seen of it; what is folded is one line. */
export interface JsonLine {
  /** As one would write it: `data.items[3].price`. */
  readonly path: string
  readonly depth: number
  readonly key?: string | undefined
  readonly value: unknown
  /** Text of a leaf, or of the bracket. */
  readonly text: string
  readonly kind: 'open' | 'folded' | 'close' | 'leaf'
  readonly size?: number
}

export type Folds = (path: string, depth: number) => boolean

export function linesOf(value: unknown, isOpen: Folds): JsonLine[] {
  const lines: JsonLine[] = []
  write(lines, value, { path: '', depth: 0 }, isOpen)
  return lines
}

interface Spot {
  readonly path: string
  readonly depth: number
  readonly key?: string
}

function write(lines: JsonLine[], value: unknown, spot: Spot, isOpen: Folds): void {
  const inner = partsOf(value)
  if (inner === undefined) {
    lines.push({ ...spot, value, text: leafText(value), kind: 'leaf' })
    return
  }
  const [begin, end] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  const size = inner.length
  if (size === 0 || !isOpen(spot.path, spot.depth)) {
    const text = size === 0 ? `${begin}${end}` : `${begin}…${end}`
    lines.push({ ...spot, value, text, kind: size === 0 ? 'leaf' : 'folded', size })
    return
  }
  lines.push({ ...spot, value, text: begin, kind: 'open', size })
  for (const [key, one] of inner) {
    const path = pathTo(spot.path, key, Array.isArray(value))
    write(lines, one, { path, depth: spot.depth + 1, key }, isOpen)
  }
  lines.push({ path: spot.path, depth: spot.depth, value, text: end, kind: 'close' })
}

function partsOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined
  return Object.entries(value).filter(([, one]) => one !== undefined)
}

export function pathTo(path: string, key: string, isItem: boolean): string {
  if (isItem) return `${path}[${key}]`
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}

function leafText(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return value === undefined ? 'undefined' : JSON.stringify(value)
}

/** Paths of the values whose name or text holds what is searched for. */
export function pathsWith(value: unknown, text: string): Set<string> {
  const wanted = text.toLowerCase()
  const found = new Set<string>()
  for (const line of linesOf(value, () => true)) {
    if (line.kind === 'close') continue
    const isHit =
      line.key?.toLowerCase().includes(wanted) === true ||
      (line.kind === 'leaf' && line.text.toLowerCase().includes(wanted))
    if (isHit) found.add(line.path)
  }
  return found
}

/** Is `path` at or above one of these? */
export const leadsTo = (path: string, paths: ReadonlySet<string>): boolean =>
  path === '' ||
  paths
    .values()
    .some((one) => one === path || one.startsWith(`${path}.`) || one.startsWith(`${path}[`))
