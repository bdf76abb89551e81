/** Ended by its signal: the log says so with a cause, `fetch` and timers directly. */
export function isTimeout(cause: unknown): boolean {
  for (let at: unknown = cause; at instanceof Error; at = at.cause) {
    if (at.name === 'TimeoutError' || at.name === 'AbortError' || at.name === 'LogUnavailable')
      return true
  }
  return false
}
