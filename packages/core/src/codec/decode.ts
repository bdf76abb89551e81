import {
  type CodecErrorCode,
  CodecError,
  type CodecLimits,
  codecLimits,
  isForbiddenKey,
  type Plain,
  type PlainMap,
} from './limits.ts'
import { addChild, createShapeTree, knownChild, type Shape, shapeKeysMax } from './shape.ts'
import { readUtf8 } from './text.ts'

/**
 * Checks while it builds. It accepts exactly what `encode` can write, so encoding the answer
 * again gives the same bytes: whatever has a second spelling is refused.
 * All state belongs to the one call in progress; nothing in here calls foreign code.
 */
let input: Uint8Array = new Uint8Array(0)
let pos = 0
let end = 0
let depth = 0
let depthMax = 0
let nodesLeft = 0
let keysLeft = 0
const shapes = createShapeTree()
const float = new DataView(new ArrayBuffer(8))

/** Fresh plain data; `bin` values are views into `bytes`. Throws `CodecError` only. */
export function decode(bytes: Uint8Array, limits: Partial<CodecLimits> = codecLimits): Plain {
  const bytesMax = limits.bytesMax ?? codecLimits.bytesMax
  input = bytes
  pos = depth = 0
  end = bytes.length
  depthMax = limits.depthMax ?? codecLimits.depthMax
  nodesLeft = limits.nodesMax ?? codecLimits.nodesMax
  keysLeft = limits.keysMax ?? codecLimits.keysMax
  if (end > bytesMax) refuse('codec.size', `${end} bytes, ${bytesMax} are allowed`)
  const value = read(shapes.root)
  if (pos < end) refuse('codec.end', `${end - pos} bytes too many`)
  return value
}

function read(owner: Shape): Plain {
  if (--nodesLeft < 0) refuse('codec.count', 'too many values')
  const head = readByte()
  if (head < 0x80) return head
  if (head < 0x90) return readMap(head & 0x0f, owner)
  if (head < 0xa0) return readList(head & 0x0f, owner)
  if (head < 0xc0) return readText(head & 0x1f)
  if (head >= 0xe0) return head - 0x100
  return readLong(head, owner)
}

function readLong(head: number, owner: Shape): Plain {
  switch (head) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xc4:
      return readBin(readByte())
    case 0xc5:
      return readBin(atLeast(0x100, readUint16()))
    case 0xc6:
      return readBin(atLeast(0x10000, readUint32()))
    case 0xcb:
      return readFloat()
    case 0xd9:
    case 0xda:
    case 0xdb:
      return readText(readTextSize(head))
    case 0xdc:
      return readList(atLeast(16, readUint16()), owner)
    case 0xdd:
      return readList(atLeast(0x10000, readUint32()), owner)
    case 0xde:
      return readMap(atLeast(16, readUint16()), owner)
    case 0xdf:
      return readMap(atLeast(0x10000, readUint32()), owner)
    default:
      return readInteger(head)
  }
}

function readInteger(head: number): number {
  switch (head) {
    case 0xcc:
      return atLeast(0x80, readByte())
    case 0xcd:
      return atLeast(0x100, readUint16())
    case 0xce:
      return atLeast(0x10000, readUint32())
    case 0xcf:
      return atLeast(0x1_0000_0000, readInt64(readUint32()))
    case 0xd0:
      return below(-0x20, (readByte() << 24) >> 24)
    case 0xd1:
      return below(-0x80, (readUint16() << 16) >> 16)
    case 0xd2:
      return below(-0x8000, readUint32() | 0)
    case 0xd3:
      return below(-0x8000_0000, readInt64(readUint32() | 0))
    case 0xca:
      return refuse('codec.form', 'a 32-bit float')
    default:
      return refuse('codec.type', `0x${head.toString(16)} stands for no plain type`)
  }
}

function readMap(size: number, owner: Shape): PlainMap {
  enter(2 * size)
  keysLeft -= size
  if (keysLeft < 0) refuse('codec.count', 'too many keys')
  const map: PlainMap = {}
  if (size > shapeKeysMax) readWideFields(map, size)
  else readFields(map, size, owner)
  depth--
  return map
}

function readFields(map: PlainMap, size: number, owner: Shape): void {
  let shape = shapes.root
  let guess = owner.inner
  for (let i = 0; i < size; i++) {
    shape = guess !== undefined && stands(guess.wire) ? guess : child(shape)
    if (i === 0) owner.inner = shape
    guess = shape.next
    map[shape.key] = read(shape)
  }
}

function readWideFields(map: PlainMap, size: number): void {
  let last: string | undefined
  for (let i = 0; i < size; i++) {
    last = readKey(last)
    map[last] = read(shapes.root)
  }
}

/** Compares in place, and steps over the key where it is the expected one. */
function stands(wire: Uint8Array): boolean {
  const size = wire.length
  if (size > end - pos) return false
  for (let i = 0; i < size; i++) if (input[pos + i] !== wire[i]) return false
  pos += size
  return true
}

function child(parent: Shape): Shape {
  const start = pos
  const key = readKey(parent === shapes.root ? undefined : parent.key)
  return knownChild(parent, key) ?? addChild(shapes, parent, key, input.slice(start, pos))
}

function readKey(last: string | undefined): string {
  const start = pos
  const head = readByte()
  if ((head < 0xa0 || head > 0xbf) && (head < 0xd9 || head > 0xdb))
    refuse('codec.key', 'a key that is not text', start)
  const key = readText(head < 0xc0 ? head & 0x1f : readTextSize(head))
  if (isForbiddenKey(key)) refuse('codec.key', `the key ${key} is not allowed`, start)
  if (last !== undefined && last >= key)
    refuse('codec.key', 'keys are not in ascending order', start)
  return key
}

function readList(size: number, owner: Shape): Plain[] {
  enter(size)
  const list: Plain[] = []
  for (let i = 0; i < size; i++) list.push(read(owner))
  depth--
  return list
}

/** Nothing is built before it is certain that the bytes for it can be there. */
function enter(bytesMin: number): void {
  if (++depth > depthMax) refuse('codec.depth', `deeper than ${depthMax}`)
  if (bytesMin > end - pos) refuse('codec.end', 'the length is more than the bytes there are')
}

function readBin(size: number): Uint8Array {
  const start = skip(size)
  return new Uint8Array(input.buffer, input.byteOffset + start, size)
}

function readText(size: number): string {
  const start = skip(size)
  return readUtf8(input, start, size) ?? refuse('codec.text', 'not valid UTF-8', start)
}

function readTextSize(head: number): number {
  if (head === 0xd9) return atLeast(0x20, readByte())
  return head === 0xda ? atLeast(0x100, readUint16()) : atLeast(0x10000, readUint32())
}

function readFloat(): number {
  const start = skip(8)
  for (let i = 0; i < 8; i++) float.setUint8(i, input[start + i] ?? 0)
  const value = float.getFloat64(0)
  if (!Number.isFinite(value)) refuse('codec.number', 'not a finite number', start)
  if (Number.isInteger(value)) refuse('codec.form', 'an integer written as a float', start)
  return value
}

function readInt64(high: number): number {
  const value = high * 0x1_0000_0000 + readUint32()
  if (!Number.isSafeInteger(value)) refuse('codec.number', 'an integer beyond 2^53 - 1')
  return value
}

function readUint32(): number {
  return readUint16() * 0x10000 + readUint16()
}

function readUint16(): number {
  return readByte() * 0x100 + readByte()
}

function readByte(): number {
  const byte = input[pos]
  if (pos >= end || byte === undefined) return refuse('codec.end', 'cut off')
  pos++
  return byte
}

function skip(size: number): number {
  if (size > end - pos) refuse('codec.end', 'the length is more than the bytes there are')
  pos += size
  return pos - size
}

function atLeast(least: number, value: number): number {
  return value < least ? refuse('codec.form', 'not the shortest form') : value
}

function below(limit: number, value: number): number {
  return value >= limit ? refuse('codec.form', 'not the shortest form') : value
}

function refuse(code: CodecErrorCode, why: string, at = pos): never {
  throw new CodecError(code, `byte ${at}`, why)
}
