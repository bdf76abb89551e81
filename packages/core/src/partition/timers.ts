/**
 * Due times, earliest first, equal ones by id: a heap whose order is total, so the same timers
 * fire in the same order wherever they are replayed. A timer that became moot stays in until it
 * is due (the state tells) or until `compact`: finding it would cost more than passing it by.
 */
export interface Timers {
  size: number
  /** Two lists instead of one of pairs: a million timers are not a million objects. */
  readonly ats: number[]
  readonly ids: string[]
}

export interface Timer {
  readonly at: number
  readonly id: string
}

export function createTimers(): Timers {
  return { size: 0, ats: [], ids: [] }
}

export function schedule(timers: Timers, at: number, id: string): void {
  let hole = timers.size++
  while (hole > 0) {
    const parent = (hole - 1) >> 1
    if (!isBefore(at, id, timers, parent)) break
    move(timers, parent, hole)
    hole = parent
  }
  timers.ats[hole] = at
  timers.ids[hole] = id
}

export function peek({ ats, ids }: Timers): Timer | undefined {
  const at = ats[0]
  const id = ids[0]
  return at === undefined || id === undefined ? undefined : { at, id }
}

export function pop(timers: Timers): Timer | undefined {
  const first = peek(timers)
  const at = timers.ats.pop()
  const id = timers.ids.pop()
  if (at === undefined || id === undefined) return undefined
  timers.size--
  if (timers.size > 0) sink(timers, at, id)
  return first
}

/** Keeps each live timer once. */
export function compact(timers: Timers, isLive: (at: number, id: string) => boolean): void {
  const live: Timer[] = []
  for (let next = pop(timers); next !== undefined; next = pop(timers)) {
    const last = live.at(-1)
    if (last?.at === next.at && last.id === next.id) continue
    if (isLive(next.at, next.id)) live.push(next)
  }
  // In ascending order, so every one already is where it belongs.
  for (const { at, id } of live) schedule(timers, at, id)
}

function sink(timers: Timers, at: number, id: string): void {
  let hole = 0
  for (;;) {
    const left = 2 * hole + 1
    if (left >= timers.size) break
    const right = left + 1
    const child = right < timers.size && isAhead(timers, right, left) ? right : left
    if (isBefore(at, id, timers, child)) break
    move(timers, child, hole)
    hole = child
  }
  timers.ats[hole] = at
  timers.ids[hole] = id
}

function move({ ats, ids }: Timers, from: number, to: number): void {
  // Both are within the heap: from < size, and what is moved to was just read or is being filled.
  ats[to] = ats[from] as number
  ids[to] = ids[from] as string
}

function isAhead({ ats, ids }: Timers, a: number, b: number): boolean {
  const at = ats[a] as number // a and b are within the heap
  const other = ats[b] as number
  return at < other || (at === other && (ids[a] as string) < (ids[b] as string))
}

function isBefore(at: number, id: string, { ats, ids }: Timers, index: number): boolean {
  const other = ats[index] as number // index is within the heap
  return at < other || (at === other && id < (ids[index] as string))
}
