/**
 * UTF-8 to text in plain JavaScript: this package has no TextDecoder.
 * Anything but the one valid spelling of well-formed text answers undefined.
 */
export function readUtf8(bytes: Uint8Array, start: number, size: number): string | undefined {
  if (size === 0) return ''
  if (size <= rememberedMax) return readRemembered(bytes, start, size)
  return readPlain(bytes, start, size)
}

/**
 * Kinds, types, sources, tenants and binding ids come again and again: a string that is already
 * there needs no building and no collecting. One slot per hash, the newest stays.
 */
const rememberedMax = 48
const remembered: string[] = Array.from({ length: 2048 }, () => '')

function readRemembered(bytes: Uint8Array, start: number, size: number): string | undefined {
  const slot = slotOf(bytes, start, size)
  const known = remembered[slot] as string // slotOf stays within the list
  if (known.length === size && spells(known, bytes, start)) return known
  const text = readPlain(bytes, start, size)
  // ASCII only: `spells` takes a unit for a byte, which would make 0xe9 alone a valid é.
  if (text !== undefined && text.length === size) remembered[slot] = text
  return text
}

/** Samples: hashing every byte would cost as much as comparing them. Ids differ in their ends. */
function slotOf(bytes: Uint8Array, start: number, size: number): number {
  const last = start + size - 1
  let hash = size
  hash = hash * 31 + (bytes[start] as number)
  hash = hash * 31 + (bytes[start + (size >> 2)] as number)
  hash = hash * 31 + (bytes[start + (size >> 1)] as number)
  hash = hash * 31 + (bytes[last - (size >> 2)] as number)
  hash = hash * 31 + (bytes[last] as number)
  return (hash ^ (hash >> 11)) & 2047
}

function spells(text: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false
  return true
}

/** One list per length: `apply` wants the exact length, and resizing a list reallocates it. */
const chunkMax = 64
const chunks = Array.from({ length: chunkMax + 1 }, (_, length) => Array.from({ length }, () => 0))

function readPlain(bytes: Uint8Array, start: number, size: number): string | undefined {
  let text = ''
  for (let from = start; from < start + size; from += chunkMax) {
    const length = Math.min(chunkMax, start + size - from)
    const units = chunks[length] as number[] // length <= chunkMax
    for (let i = 0; i < length; i++) {
      const byte = bytes[from + i] as number // the caller has checked the bounds
      if (byte > 0x7f) return readWide(bytes, start, size)
      units[i] = byte
    }
    text += String.fromCharCode.apply(undefined, units)
  }
  return text
}

function readWide(bytes: Uint8Array, start: number, size: number): string | undefined {
  let text = ''
  let at = start
  while (at < start + size) {
    const length = lengthOf(bytes[at] as number) // at is within the text
    if (length === 0 || at + length > start + size) return undefined
    const point = pointAt(bytes, at, length)
    if (point === undefined) return undefined
    text += String.fromCodePoint(point)
    at += length
  }
  return text
}

/** 0: no character begins so. 0xc0 and 0xc1 would only begin overlong ones. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xc2) return 0
  if (first < 0xe0) return 2
  if (first < 0xf0) return 3
  return first < 0xf5 ? 4 : 0
}

function pointAt(bytes: Uint8Array, at: number, length: number): number | undefined {
  const first = bytes[at] as number // the caller has checked that `length` bytes are there
  let point = length === 1 ? first : first & (0x7f >> length)
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] as number
    if ((byte & 0xc0) !== 0x80) return undefined
    point = (point << 6) | (byte & 0x3f)
  }
  return isShortest(point, length) ? point : undefined
}

/** Two bytes can't be too long: their first one would have been 0xc0 or 0xc1. */
function isShortest(point: number, length: number): boolean {
  if (length === 3) return point >= 0x800 && (point < 0xd800 || point > 0xdfff)
  return length !== 4 || (point >= 0x10000 && point <= 0x10ffff)
}
