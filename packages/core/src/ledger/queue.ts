import { isNewer, keyOf, type Ticket } from './ticket.ts'

export interface Waiter {
  readonly ticket: Ticket
  /** When it came, epoch ms. */
  readonly since: number
}

/**
 * Those who wait, and whose turn it is: tenants take turns, so none waits for another's backlog
 * (rule 7.8); within a tenant by priority with ageing (rule 3.7), then in the order they came.
 */
export interface Queue {
  /** By the key of the ticket. */
  readonly waiters: Map<string, Waiter>
  /** Tenants that have somebody waiting, the next one first. Replaced, never changed. */
  ring: readonly string[]

  // derived
  readonly lines: Map<string, Line>
}

/** A heap; who left stays in it until it is met or outnumbers those who wait. */
interface Line {
  readonly heap: Waiter[]
  waiting: number
}

/**
 * One class of priority is worth this much waiting: a low one goes before every critical one that
 * comes more than three minutes after it.
 */
const ageingMs = 60_000

export function createQueue(): Queue {
  return { waiters: new Map(), ring: [], lines: new Map() }
}

export function join(queue: Queue, waiter: Waiter): void {
  const { waiters, lines } = queue
  const { tenant } = waiter.ticket
  waiters.set(keyOf(waiter.ticket), waiter)
  let line = lines.get(tenant)
  if (!line) lines.set(tenant, (line = { heap: [], waiting: 0 }))
  line.waiting += 1
  push(line.heap, waiter)
  if (!queue.ring.includes(tenant)) queue.ring = [...queue.ring, tenant]
}

/** Undefined: it does not wait here. The tenant keeps its turn. */
export function quit(queue: Queue, key: string): Waiter | undefined {
  const waiter = queue.waiters.get(key)
  if (!waiter) return undefined
  queue.waiters.delete(key)
  const { tenant } = waiter.ticket
  const line = queue.lines.get(tenant)
  if (!line) return waiter
  line.waiting -= 1
  if (line.waiting === 0) {
    queue.lines.delete(tenant)
    queue.ring = queue.ring.filter((one) => one !== tenant)
  } else if (line.heap.length > 2 * line.waiting + 64) {
    const live = line.heap.filter((one) => queue.waiters.get(keyOf(one.ticket)) === one)
    line.heap.length = 0
    for (const one of live) push(line.heap, one)
  }
  return waiter
}

/** Whose turn it is. */
export function first(queue: Queue): Waiter | undefined {
  const [tenant] = queue.ring
  const line = tenant === undefined ? undefined : queue.lines.get(tenant)
  if (!line) return undefined
  for (;;) {
    const waiter = line.heap[0]
    if (!waiter || queue.waiters.get(keyOf(waiter.ticket)) === waiter) return waiter
    pop(line.heap)
  }
}

/** Somebody of this tenant had the turn: the next tenant has the next one. */
export function rotate(queue: Queue, tenant: string): void {
  if (queue.ring.length < 2 || !queue.ring.includes(tenant)) return
  queue.ring = [...queue.ring.filter((one) => one !== tenant), tenant]
}

/** In the order of their events, whoever's turn it is. */
export function inOrder({ waiters }: Queue): readonly Waiter[] {
  return [...waiters.values()].sort((a, b) => (isNewer(a.ticket, b.ticket) ? 1 : -1))
}

export function restoreQueue(waiting: readonly Waiter[], ring: readonly string[]): Queue {
  const queue = createQueue()
  for (const waiter of waiting) join(queue, waiter)
  queue.ring = ring
  return queue
}

function goesBefore(a: Waiter, b: Waiter): boolean {
  const first = a.since + a.ticket.rank * ageingMs
  const second = b.since + b.ticket.rank * ageingMs
  if (first !== second) return first < second
  if (a.since !== b.since) return a.since < b.since
  return isNewer(b.ticket, a.ticket)
}

function push(heap: Waiter[], waiter: Waiter): void {
  let hole = heap.length
  heap.push(waiter)
  while (hole > 0) {
    const parent = (hole - 1) >> 1
    const above = heap[parent] as Waiter // parent is within the heap
    if (!goesBefore(waiter, above)) break
    heap[hole] = above
    hole = parent
  }
  heap[hole] = waiter
}

function pop(heap: Waiter[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let hole = 0
  for (;;) {
    const left = 2 * hole + 1
    const right = left + 1
    const a = heap[left]
    const b = heap[right]
    if (!a) break
    const [child, at] = b && goesBefore(b, a) ? [b, right] : [a, left]
    if (goesBefore(last, child)) break
    heap[hole] = child
    hole = at
  }
  heap[hole] = last
}
