import { fromJson, toJson } from '@waybill/api'

/** JSON as people read and edit it; bytes as the API writes them. */
export const jsonText = (value: unknown): string =>
  value === undefined ? '' : JSON.stringify(JSON.parse(toJson(value)), null, 2)

export type JsonRead =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string }

/** What was typed, or what is wrong with it and where. */
export function readJson(text: string): JsonRead {
  if (text.trim() === '') return { ok: false, problem: 'nothing is typed yet' }
  try {
    return { ok: true, value: fromJson(text) }
  } catch (cause) {
    return { ok: false, problem: placed(text, cause instanceof Error ? cause.message : '') }
  }
}

/** Not every browser says where; those that count characters are given lines. */
function placed(text: string, message: string): string {
  const said = message.replace(/^JSON\.parse: /, '')
  const [, position] = /position (\d+)/.exec(said) ?? []
  if (position === undefined || said.includes('line ')) return `no JSON: ${said}`
  const before = text.slice(0, Number(position)).split('\n')
  return `no JSON: ${said} (line ${before.length} column ${(before.at(-1) ?? '').length + 1})`
}

/** What the server puts in the place of what may not be seen. */
const hiddenMark = '[redacted]'

/** Is a part of it hidden? Sent back, the mark would take the place of what it hides. */
export function hasHidden(value: unknown): boolean {
  if (typeof value === 'string') return value === hiddenMark
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return false
  return Object.values(value).some(hasHidden)
}
