/** Whoever may be gone, or stand still, when its turn comes. */
export interface Owner {
  readonly alive: boolean
  /** Frozen: keeps what happens to it for later. */
  readonly held: (() => void)[] | undefined
}

interface Happening {
  readonly at: number
  readonly order: number
  readonly owner: Owner | undefined
  fn: (() => void) | undefined
}

/**
 * Virtual time. One thing happens at a time, in the order of time and then of asking; after each,
 * every promise that can go on goes on. Nothing else in a run waits for anything, so one seed is
 * one run.
 */
export class Schedule {
  readonly #heap: Happening[] = []
  #now: number
  #order = 0
  steps = 0

  constructor(startMs: number) {
    this.#now = startMs
  }

  /** Epoch ms, with fractions. */
  get now(): number {
    return this.#now
  }

  /** Returns what calls it off. */
  at(atMs: number, fn: () => void, owner?: Owner): () => void {
    const happening: Happening = { at: Math.max(atMs, this.#now), order: this.#order++, owner, fn }
    this.#push(happening)
    return () => (happening.fn = undefined)
  }

  after(ms: number, fn: () => void, owner?: Owner): () => void {
    return this.at(this.#now + ms, fn, owner)
  }

  /** Until `done` says so, nothing is left, or the time is over. */
  async run(endMs: number, done: () => boolean = () => false): Promise<void> {
    await turn()
    while (!done()) {
      const next = this.#heap[0]
      if (!next || next.at > endMs) break
      this.#pop()
      if (this.#happens(next)) await turn()
    }
    if (Number.isFinite(endMs) && !done()) this.#now = Math.max(this.#now, endMs)
  }

  #happens({ at, fn, owner }: Happening): boolean {
    if (!fn || owner?.alive === false) return false
    this.#now = at
    if (owner?.held) {
      owner.held.push(fn)
      return false
    }
    this.steps += 1
    fn()
    return true
  }

  #push(happening: Happening): void {
    const heap = this.#heap
    let hole = heap.length
    heap.push(happening)
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      const above = heap[parent]
      if (!above || !before(happening, above)) break
      heap[hole] = above
      hole = parent
    }
    heap[hole] = happening
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let hole = 0
    for (;;) {
      let child = 2 * hole + 1
      const left = heap[child]
      const right = heap[child + 1]
      if (!left) break
      if (right && before(right, left)) child += 1
      const least = heap[child]
      if (!least || !before(least, last)) break
      heap[hole] = least
      hole = child
    }
    heap[hole] = last
  }
}

const before = (a: Happening, b: Happening): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order)

/** One round of the event loop: every promise that can go on goes on in it. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
