import { usage } from './error.ts'
import { parseDuration } from './text.ts'

/** Reading what users type: each says what is wrong and how to write it. */

export function ago(text: string | undefined, flag: string, now: number): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDuration(text)
  if (ms !== undefined) return now - ms
  const at = Date.parse(text)
  if (!Number.isNaN(at)) return at
  throw usage(`${flag} is no time`, text, 'write it as 30m, 24h or 2026-01-31T12:00:00Z')
}

export function whole(text: string | undefined, flag: string, min = 0): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (Number.isInteger(value) && value >= min) return value
  throw usage(`${flag} is no whole number from ${min} on`, text)
}

/** `a,b` and repeated flags mean the same. */
export function words(values: readonly string[] | undefined): string[] | undefined {
  const found = values?.flatMap((value) => value.split(',')).map((value) => value.trim())
  return found && found.length > 0 ? found : undefined
}

export function oneOf<T extends string>(
  values: readonly string[] | undefined,
  known: readonly T[],
  flag: string,
): T[] | undefined {
  const asked = words(values)
  const wrong = asked?.find((value) => !(known as readonly string[]).includes(value))
  if (wrong !== undefined)
    throw usage(`${flag} does not know ${wrong}`, undefined, `one of: ${known.join(', ')}`)
  return asked as T[] | undefined // each was looked up
}

export const collect = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  value,
]
