import { CodecError } from './limits.ts'

/** The bytes being written, and how each scalar is spelled: always in its shortest form. */
let bytes = new Uint8Array(16 * 1024)
let pos = 0
let bytesMax = 0
const float = new DataView(new ArrayBuffer(8))

export function startBytes(max: number): void {
  pos = 0
  bytesMax = max
}

let slab = new Uint8Array(8 * 1024)
let slabPos = 0

/**
 * Small results share memory, as Node's buffers do: an allocation each was a seventh of the time.
 * What is kept for long keeps at most 8 KiB alive with it.
 */
export function finishBytes(): Uint8Array {
  if (pos > bytesMax) refuseSize(pos)
  if (pos > slab.length / 4) return bytes.slice(0, pos)
  if (slabPos + pos > slab.length) {
    slab = new Uint8Array(slab.length)
    slabPos = 0
  }
  slab.set(bytes.subarray(0, pos), slabPos)
  slabPos += pos
  return slab.subarray(slabPos - pos, slabPos)
}

/** The wire form of a text by itself; what is being written stays as it is. */
export function wireOf(text: string): Uint8Array {
  const start = pos
  writeText(text)
  const wire = bytes.slice(start, pos)
  pos = start
  return wire
}

export function writeBin(bin: Uint8Array): void {
  const size = bin.length
  reserve(5 + size)
  if (size < 0x100) {
    bytes[pos++] = 0xc4
    bytes[pos++] = size
  } else writeHead(0xc5, size)
  bytes.set(bin, pos)
  pos += size
}

/** Reads units and writes bytes in one loop, as nearly all text is ASCII; else starts again. */
export function writeText(text: string): void {
  const length = text.length
  const headAt = pos
  reserve(5 + length)
  writeTextHead(length)
  const target = bytes
  const start = pos
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return writeWideText(text, headAt)
    target[start + i] = unit
  }
  pos = start + length
}

function writeWideText(text: string, headAt: number): void {
  pos = headAt
  const size = utf8Size(text)
  reserve(5 + size)
  writeTextHead(size)
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) ?? 0
    if (point < 0x80) bytes[pos++] = point
    else if (point < 0x800) {
      bytes[pos++] = 0xc0 | (point >> 6)
      bytes[pos++] = 0x80 | (point & 0x3f)
    } else if (point < 0x10000) {
      bytes[pos++] = 0xe0 | (point >> 12)
      bytes[pos++] = 0x80 | ((point >> 6) & 0x3f)
      bytes[pos++] = 0x80 | (point & 0x3f)
    } else {
      i++
      bytes[pos++] = 0xf0 | (point >> 18)
      bytes[pos++] = 0x80 | ((point >> 12) & 0x3f)
      bytes[pos++] = 0x80 | ((point >> 6) & 0x3f)
      bytes[pos++] = 0x80 | (point & 0x3f)
    }
  }
}

function utf8Size(text: string): number {
  let size = 0
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) ?? 0
    if (point >= 0xd800 && point <= 0xdfff)
      throw new CodecError('codec.text', '', 'a lone surrogate')
    size += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
    if (point > 0xffff) i++
  }
  return size
}

function writeTextHead(size: number): void {
  if (size < 32) bytes[pos++] = 0xa0 | size
  else if (size < 0x100) {
    bytes[pos++] = 0xd9
    bytes[pos++] = size
  } else writeHead(0xda, size)
}

export function writeNumber(value: number): void {
  if (value >= 0 && value < 0x80 && (value | 0) === value) return writeByte(value) // -0 becomes 0
  if (!Number.isInteger(value)) return writeFloat(value)
  if (!Number.isSafeInteger(value))
    throw new CodecError('codec.number', '', 'an integer beyond 2^53 - 1')
  reserve(9)
  if (value >= 0) writePositive(value)
  else writeNegative(value)
}

function writePositive(value: number): void {
  if (value < 0x100) {
    bytes[pos++] = 0xcc
    bytes[pos++] = value
  } else if (value < 0x1_0000_0000) writeHead(0xcd, value)
  else writeInt64(0xcf, value)
}

function writeNegative(value: number): void {
  if (value >= -0x20) bytes[pos++] = value
  else if (value >= -0x80) {
    bytes[pos++] = 0xd0
    bytes[pos++] = value
  } else if (value >= -0x8000) {
    bytes[pos++] = 0xd1
    bytes[pos++] = value >> 8
    bytes[pos++] = value
  } else if (value >= -0x8000_0000) {
    bytes[pos++] = 0xd2
    writeInt32(value)
  } else writeInt64(0xd3, value)
}

function writeFloat(value: number): void {
  if (!Number.isFinite(value))
    throw new CodecError('codec.number', '', `${value} is not a finite number`)
  reserve(9)
  bytes[pos++] = 0xcb
  float.setFloat64(0, value)
  for (let i = 0; i < 8; i++) bytes[pos++] = float.getUint8(i)
}

function writeInt64(head: number, value: number): void {
  bytes[pos++] = head
  writeInt32(Math.floor(value / 0x1_0000_0000))
  writeInt32(value)
}

function writeInt32(value: number): void {
  bytes[pos++] = value >>> 24
  bytes[pos++] = value >>> 16
  bytes[pos++] = value >>> 8
  bytes[pos++] = value
}

/** The 16-bit form under `head`, the 32-bit form under `head + 1`: so it is for every kind. */
export function writeHead(head: number, size: number): void {
  reserve(5)
  if (size < 0x10000) {
    bytes[pos++] = head
    bytes[pos++] = size >> 8
    bytes[pos++] = size
  } else {
    bytes[pos++] = head + 1
    writeInt32(size)
  }
}

export function writeWire(wire: Uint8Array): void {
  const size = wire.length
  reserve(size)
  const target = bytes
  for (let i = 0; i < size; i++) target[pos + i] = wire[i] as number // i < size
  pos += size
}

export function writeByte(byte: number): void {
  reserve(1)
  bytes[pos++] = byte
}

/** The buffer stays as large as the largest value so far: bytesMax of its caller bounds it. */
function reserve(size: number): void {
  if (pos + size > bytes.length) grow(size)
}

function grow(size: number): void {
  if (pos + size - 5 > bytesMax) refuseSize(pos + size - 5)
  const larger = new Uint8Array(Math.max(pos + size, bytes.length * 2))
  larger.set(bytes.subarray(0, pos))
  bytes = larger
}

function refuseSize(size: number): never {
  throw new CodecError('codec.size', '', `${size} bytes or more, ${bytesMax} are allowed`)
}
