import {
  finishBytes,
  startBytes,
  wireOf,
  writeBin,
  writeByte,
  writeHead,
  writeNumber,
  writeText,
  writeWire,
} from './bytes.ts'
import {
  CodecError,
  type CodecErrorCode,
  type CodecLimits,
  codecLimits,
  isForbiddenKey,
} from './limits.ts'
import {
  addChild,
  createShapeTree,
  knownChild,
  orderOf,
  type Shape,
  shapeKeysMax,
} from './shape.ts'

/**
 * One pass checks and writes: a gate before the library's encoder reads every value twice, which
 * costs time and lets a getter answer differently the second time.
 *
 * All state belongs to the one call in progress. `values` holds the fields of the maps being
 * written, innermost last, because they are read in their author's order and written sorted;
 * `trail` holds the key or index taken at each depth: the path, should something be refused.
 */
let depth = 0
let depthMax = 0
let nodesLeft = 0
let keysLeft = 0
let inheritsKeys = false
let busy = false
let values: unknown[] = []
let top = 0
const trail: (string | number)[] = []
const shapes = createShapeTree()

/**
 * Canonical bytes of plain data: equal values give equal bytes. Throws `CodecError` only. Small
 * results share memory, as Node's Buffers do: read them, send them, but never transfer theirs.
 */
export function encode(value: unknown, limits: Partial<CodecLimits> = codecLimits): Uint8Array {
  if (busy) throw new CodecError('codec.type', '', 'encode was called by what it encodes')
  busy = true
  depth = top = 0
  startBytes(limits.bytesMax ?? codecLimits.bytesMax)
  depthMax = limits.depthMax ?? codecLimits.depthMax
  nodesLeft = limits.nodesMax ?? codecLimits.nodesMax
  keysLeft = limits.keysMax ?? codecLimits.keysMax
  inheritsKeys = hasKeys({})
  try {
    write(value, shapes.root)
    return finishBytes()
  } catch (cause) {
    values = []
    if (cause instanceof CodecError) throw new CodecError(cause.code, path(), cause.why)
    throw new CodecError('codec.type', path(), 'it threw when it was read', { cause })
  } finally {
    busy = false
  }
}

function write(value: unknown, owner: Shape): void {
  if (--nodesLeft < 0) refuse('codec.count', 'too many values')
  if (typeof value === 'string') writeText(value)
  else if (typeof value === 'number') writeNumber(value)
  else if (typeof value === 'boolean') writeByte(value ? 0xc3 : 0xc2)
  else if (value === null) writeByte(0xc0)
  else if (typeof value === 'object') writeObject(value, owner)
  else refuse('codec.type', `${typeof value} is not plain data`)
}

function writeObject(value: object, owner: Shape): void {
  const isList = Array.isArray(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!isList && (prototype === Object.prototype || prototype === null)) {
    // Fields of an object with no class of its own: nothing else is known, nothing else is claimed.
    writeMap(value as Readonly<Record<string, unknown>>, owner)
  } else if (isList && prototype === Array.prototype) writeList(value, owner)
  else if (value instanceof Uint8Array) writeBin(value)
  else refuse('codec.type', 'an instance of a class is not plain data')
}

function writeMap(map: Readonly<Record<string, unknown>>, owner: Shape): void {
  if (depth >= depthMax) refuse('codec.depth', `deeper than ${depthMax}, or a cycle`)
  const base = top
  const shape = collectFields(map, owner)
  if (shape === undefined) return writeWideMap(map, base)
  writeMapHead(top - base)
  if (top > base) writeFields(shape, base)
  top = base
}

/** Puts the fields on top of `values` and finds their shape; undefined: too many for one. */
function collectFields(map: Readonly<Record<string, unknown>>, owner: Shape): Shape | undefined {
  const base = top
  let shape = shapes.root
  let guess = owner.inner
  for (const key in map) {
    const value = map[key]
    if (value === undefined || (inheritsKeys && !Object.hasOwn(map, key))) continue
    if (top - base === shapeKeysMax) return undefined
    shape = guess !== undefined && guess.key === key ? guess : child(shape, key)
    if (top === base) owner.inner = shape
    guess = shape.next
    values[top++] = value
  }
  return shape
}

function writeFields(shape: Shape, base: number): void {
  depth++
  for (const field of shape.order ?? orderOf(shape)) {
    trail[depth - 1] = field.shape.key
    writeWire(field.shape.wire)
    const at = base + field.index
    const value = values[at]
    values[at] = undefined
    write(value, field.shape)
  }
  depth--
}

function writeWideMap(map: Readonly<Record<string, unknown>>, base: number): void {
  values.length = top = base
  const fields: [string, unknown][] = []
  for (const key of Object.keys(map).sort()) {
    const value = map[key]
    if (value !== undefined) fields.push([key, value])
  }
  writeMapHead(fields.length)
  depth++
  for (const [key, value] of fields) {
    trail[depth - 1] = key
    checkKey(key)
    writeText(key)
    write(value, shapes.root)
  }
  depth--
}

function child(parent: Shape, key: string): Shape {
  const known = knownChild(parent, key)
  if (known !== undefined) return known
  trail[depth++] = key
  checkKey(key)
  const wire = wireOf(key)
  depth--
  return addChild(shapes, parent, key, wire)
}

function writeMapHead(size: number): void {
  keysLeft -= size
  if (keysLeft < 0) refuse('codec.count', 'too many keys')
  if (size < 16) writeByte(0x80 | size)
  else writeHead(0xde, size)
}

function checkKey(key: string): void {
  if (isForbiddenKey(key)) refuse('codec.key', 'this key is not allowed')
}

function writeList(list: readonly unknown[], owner: Shape): void {
  if (depth >= depthMax) refuse('codec.depth', `deeper than ${depthMax}, or a cycle`)
  const size = list.length
  if (size > nodesLeft) refuse('codec.count', 'too many values')
  if (size < 16) writeByte(0x90 | size)
  else writeHead(0xdc, size)
  depth++
  for (let i = 0; i < size; i++) {
    trail[depth - 1] = i
    write(list[i], owner)
  }
  depth--
}

function refuse(code: CodecErrorCode, why: string): never {
  throw new CodecError(code, '', why) // the path is added where it leaves
}

function path(): string {
  const text = trail.slice(0, depth).map(step).join('')
  return text.startsWith('.') ? text.slice(1) : text
}

function step(at: string | number): string {
  if (typeof at === 'number') return `[${at}]`
  return /^[A-Za-z_$][\w$]{0,99}$/.test(at) ? `.${at}` : `[${JSON.stringify(at.slice(0, 100))}]`
}

function hasKeys(value: object): boolean {
  for (const _ in value) return true
  return false
}
