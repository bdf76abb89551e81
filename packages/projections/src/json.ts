/**
 * JSON with sorted keys: rows must be the same whichever way an entry was read, and a schema puts
 * keys in its own order.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, sorted)
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
