import type { Chance } from './chance.ts'
import { numbers, texts } from './corpus.ts'

/** Any value, mostly plain; a few levels deep, now and then thousands. */
export function anyValue(chance: Chance, depth = 4): unknown {
  if (depth > 0 && chance.oneIn(3)) return anyContainer(chance, depth)
  const odd = [undefined, null, true, false, 1n, Symbol('x'), () => 1, new Date(Number.NaN)]
  const kind = chance.int(10)
  if (kind < 4) return chance.pick(texts)
  if (kind < 7) return chance.pick(numbers)
  if (kind < 8) return anyBytes(chance, 32)
  return chance.pick<unknown>([...odd, new Map([[1, 2]]), trap])
}

function anyContainer(chance: Chance, depth: number): unknown {
  if (chance.oneIn(200)) return nested(chance.pick([60, 70, 5000]))
  const length = chance.int(5)
  if (chance.oneIn(2)) return Array.from({ length }, () => anyValue(chance, depth - 1))
  const entries = Array.from({ length }, () => [chance.pick(texts), anyValue(chance, depth - 1)])
  // fromEntries makes `__proto__` an own key, as JSON.parse does.
  return Object.fromEntries(entries) as unknown
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value }
  return value
}

/** Throws whatever is asked of it. */
const refuse = (): never => {
  throw new Error('a trap')
}
export const hostile: ProxyHandler<object> = {
  get: refuse,
  has: refuse,
  ownKeys: refuse,
  getPrototypeOf: refuse,
  getOwnPropertyDescriptor: refuse,
}
const trap = new Proxy({}, hostile)

export const anyBytes = (chance: Chance, lengthMax: number): Uint8Array =>
  Uint8Array.from({ length: chance.int(lengthMax + 1) }, () => chance.int(256))

/** A copy of something valid with one to four places changed, so that it gets far inside. */
export function mutated(chance: Chance, value: unknown): unknown {
  let changed = value
  for (let left = 1 + chance.int(4); left > 0; left--) changed = changedOnce(chance, changed)
  return changed
}

function changedOnce(chance: Chance, value: unknown): unknown {
  if (value === trap || chance.oneIn(12)) return anyValue(chance, 2)
  if (value instanceof Uint8Array) return mutatedBytes(chance, value)
  if (typeof value === 'string' && chance.oneIn(3)) return mutatedText(chance, value)
  if (typeof value !== 'object' || value === null) return anyValue(chance, 1)
  return Array.isArray(value) ? changedList(chance, value) : changedMap(chance, value)
}

function changedMap(chance: Chance, map: object): unknown {
  const entries: [string, unknown][] = Object.entries(map)
  const at = chance.int(entries.length + 1)
  const entry = entries[at]
  const how = chance.int(8)
  if (!entry || how === 0) entries.push([chance.pick(texts), anyValue(chance, 1)])
  else if (how === 1) entries.splice(at, 1)
  else entries[at] = [entry[0], changedOnce(chance, entry[1])]
  return Object.fromEntries(entries)
}

function changedList(chance: Chance, list: readonly unknown[]): unknown[] {
  const copy = [...list]
  const at = chance.int(copy.length + 1)
  const how = chance.int(5)
  if (at === copy.length) copy.push(anyValue(chance, 1))
  else if (how === 0) copy.splice(at, 1)
  else if (how === 1) copy.push(copy[at])
  else copy[at] = changedOnce(chance, copy[at])
  return copy
}

export function mutatedBytes(chance: Chance, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const at = chance.int(copy.length + 1)
  switch (chance.int(4)) {
    case 0:
      return copy.subarray(0, at)
    case 1:
      return Uint8Array.from([
        ...copy.subarray(0, at),
        ...anyBytes(chance, 8),
        ...copy.subarray(at),
      ])
    case 2:
      copy.copyWithin(at, chance.int(copy.length + 1), chance.int(copy.length + 1))
      return copy
    default:
      if (at < copy.length) copy[at] = chance.oneIn(2) ? chance.int(256) : (copy[at] ?? 0) ^ 1
      return copy
  }
}

export function mutatedText(chance: Chance, text: string, pieces = texts): string {
  const from = chance.int(text.length + 1)
  const to = chance.oneIn(2) ? from : from + chance.int(4)
  return text.slice(0, from) + (chance.oneIn(4) ? '' : chance.pick(pieces)) + text.slice(to)
}
