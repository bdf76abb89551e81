/** What happens when, on a virtual clock: earliest first, and what is due together in its order. */
export class Schedule {
  now = 0
  #count = 0
  readonly #heap: Task[] = []

  at(time: number, run: () => void): void {
    const task = { time: Math.max(time, this.now), order: this.#count++, run }
    const heap = this.#heap
    let hole = heap.length
    heap.push(task)
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      const above = heap[parent] as Task // parent is within the heap
      if (!isBefore(task, above)) break
      heap[hole] = above
      hole = parent
    }
    heap[hole] = task
  }

  /** False: nothing is left. */
  runNext(): boolean {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (!first || !last) return false
    if (heap.length > 0) this.#sink(last)
    this.now = first.time
    first.run()
    return true
  }

  #sink(task: Task): void {
    const heap = this.#heap
    let hole = 0
    for (;;) {
      const left = 2 * hole + 1
      const a = heap[left]
      const b = heap[left + 1]
      if (!a) break
      const [child, at] = b && isBefore(b, a) ? [b, left + 1] : [a, left]
      if (isBefore(task, child)) break
      heap[hole] = child
      hole = at
    }
    heap[hole] = task
  }
}

interface Task {
  readonly time: number
  readonly order: number
  readonly run: () => void
}

const isBefore = (a: Task, b: Task): boolean =>
  a.time < b.time || (a.time === b.time && a.order < b.order)
