/**
 * Keys of maps seen before, as a tree: the path from the root spells a map's keys in order.
 * Entries have few shapes and many copies of each, so both sides follow the path taken last
 * time and compare, instead of checking, sorting and decoding the same keys again.
 * It is a memo: no answer depends on what is in it.
 */
export interface ShapeTree {
  readonly root: Shape
  size: number
}

export interface Shape {
  readonly key: string
  /** The key as it stands on the wire: header and UTF-8. */
  readonly wire: Uint8Array
  readonly parent: Shape | undefined
  /** The child taken last time; most shapes never have another. */
  next: Shape | undefined
  others: Map<string, Shape> | undefined
  /** First key of the map that stood under this key last time. */
  inner: Shape | undefined
  /** Of a map that ends here: its fields in canonical order. Only the encoder needs it. */
  order: readonly Field[] | undefined
}

/** `index` counts the fields as the map's author wrote them. */
export interface Field {
  readonly shape: Shape
  readonly index: number
}

/** Wider maps are dictionaries, not records: their keys would only crowd the tree. */
export const shapeKeysMax = 48
const shapesMax = 4096
const keyLengthMax = 64

export function createShapeTree(): ShapeTree {
  return { root: createShape('', new Uint8Array(0), undefined), size: 0 }
}

export function knownChild(parent: Shape, key: string): Shape | undefined {
  const found = parent.next?.key === key ? parent.next : parent.others?.get(key)
  if (found !== undefined) parent.next = found
  return found
}

/** A full tree is dropped and learnt anew, so keys made of data can't spoil it for good. */
export function addChild(tree: ShapeTree, parent: Shape, key: string, wire: Uint8Array): Shape {
  const child = createShape(key, wire, parent)
  if (key.length > keyLengthMax) return child
  if (++tree.size > shapesMax) forget(tree)
  if (parent.next !== undefined) {
    parent.others ??= new Map([[parent.next.key, parent.next]])
    parent.others.set(key, child)
  }
  parent.next = child
  return child
}

export function orderOf(last: Shape): readonly Field[] {
  const shapes: Shape[] = []
  for (let at = last; at.parent !== undefined; at = at.parent) shapes.push(at)
  last.order = shapes
    .reverse()
    .map((shape, index) => ({ shape, index }))
    .sort((a, b) => (a.shape.key < b.shape.key ? -1 : 1))
  return last.order
}

function forget(tree: ShapeTree): void {
  tree.root.next = undefined
  tree.root.others = undefined
  tree.root.inner = undefined
  tree.size = 0
}

function createShape(key: string, wire: Uint8Array, parent: Shape | undefined): Shape {
  return {
    key,
    wire,
    parent,
    next: undefined,
    others: undefined,
    inner: undefined,
    order: undefined,
  }
}
