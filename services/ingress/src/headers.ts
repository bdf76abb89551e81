/** What may be stored of a request's headers. Everything else is nobody's business later. */
const kept = new Set(['content-type', 'user-agent', 'webhook-id', 'webhook-timestamp'])
const keptPrefixes = ['x-github-', 'ce-']
/** A new header under a kept prefix must not bring a secret in. */
const secretLike = /signature|token|secret|auth|cookie|key/
const valueMax = 1024
const headersMax = 64

export function storedHeaders(headers: Iterable<[string, string]>): Record<string, string> {
  const chosen = [...headers]
    .map(([name, value]) => [name.toLowerCase(), value.slice(0, valueMax)] as const)
    .filter(([name]) => kept.has(name) || keptPrefixes.some((prefix) => name.startsWith(prefix)))
    .filter(([name, value]) => !secretLike.test(name) && value.isWellFormed())
  return Object.fromEntries(chosen.slice(0, headersMax))
}

/** W3C trace context of the sender, if it is well-formed; undefined otherwise. */
export function traceparentOf(value: string | null | undefined): string | undefined {
  return value && /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(value)
    ? value
    : undefined
}
