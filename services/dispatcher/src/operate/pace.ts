/** Resolves after so long, or at once when the signal is aborted; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}

/** Waits for something, and says every so often that it still does. */
export async function meanwhile<T>(
  awaited: Promise<T>,
  everyMs: number,
  beat: () => Promise<unknown>,
): Promise<T> {
  const over = new AbortController()
  const ended = awaited.finally(() => over.abort())
  // Whoever waits below hears of it; until then it is nobody's rejection.
  ended.catch(() => undefined)
  while (!over.signal.aborted) {
    await pause(everyMs, over.signal)
    if (!over.signal.aborted) await beat()
  }
  return ended
}

/** Rejects once the signal is aborted, whatever it waits for. */
export async function unlessAborted<T>(awaited: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = new AbortController()
  const stopped = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => stopped.reject(signal.reason as Error), over)
  try {
    return await Promise.race([awaited, stopped.promise])
  } finally {
    over.abort()
  }
}
