/** A queue filled at once and emptied by one `for await`. */
export interface Channel<T> extends AsyncIterable<T> {
  push(item: T): void
  /** What was pushed before is still delivered. */
  end(): void
  fail(cause: unknown): void
  /** Drops what waits and ends. */
  cut(): void
  readonly ended: boolean
}

type Waiter<T> = PromiseWithResolvers<IteratorResult<T, undefined>>

/** `left` runs when the loop ends early: the producer should stop. */
export function createChannel<T>(left: () => void): Channel<T> {
  let items: T[] = []
  let taken = 0
  let waiter: Waiter<T> | undefined
  let end: { readonly cause?: unknown } | undefined

  const done: IteratorResult<T, undefined> = { done: true, value: undefined }

  function finish(how: { readonly cause?: unknown }): void {
    if (end) return
    end = how
    const waiting = waiter
    waiter = undefined
    if (!waiting) return
    if ('cause' in how) waiting.reject(how.cause)
    else waiting.resolve(done)
  }

  function next(): Promise<IteratorResult<T, undefined>> {
    if (taken < items.length) {
      // The index was checked; undefined may be an item.
      const value = items[taken++] as T
      if (taken === items.length) {
        items = []
        taken = 0
      }
      return Promise.resolve({ done: false, value })
    }
    if (end) return 'cause' in end ? Promise.reject(end.cause) : Promise.resolve(done)
    waiter = Promise.withResolvers()
    return waiter.promise
  }

  return {
    push(item) {
      if (end) return
      if (!waiter) return void items.push(item)
      const waiting = waiter
      waiter = undefined
      waiting.resolve({ done: false, value: item })
    },
    end: () => finish({}),
    fail: (cause) => finish({ cause }),
    cut() {
      items = []
      taken = 0
      finish({})
    },
    get ended() {
      return end !== undefined
    },
    [Symbol.asyncIterator]: () => ({
      next,
      return: () => {
        left()
        return Promise.resolve(done)
      },
    }),
  }
}
