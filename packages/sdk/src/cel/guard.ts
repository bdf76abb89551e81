import type { ASTNode } from '@marcbachmann/cel-js'
import { macros } from './environment.ts'
import { childrenOf } from './inspect.ts'
import { celLimits } from './limits.ts'

/** What the library's nodes can do beyond its types: the hooks of its documented custom macros. */
interface Node {
  readonly meta: {
    readonly check: (checker: Runner, node: Node, scope: unknown) => unknown
    readonly evaluate: (evaluator: Runner, node: Node, scope: unknown) => unknown
    readonly alternate?: Node
  }
  setMeta(key: 'alternate' | 'macro' | 'async', value: unknown): Node
}
interface Runner {
  check(node: Node, scope: unknown): unknown
  run(node: Node, scope: unknown): unknown
}

/** Left of one evaluation. */
export interface Fuel {
  iterations: number
}

/**
 * Puts limits where sizes are only known when the expression runs: before each macro walks its
 * list, and on what `+` and `join` build. Call it on a parsed expression that nothing has checked yet.
 */
export function guard(root: ASTNode, fuel: Fuel): void {
  if (root.op === '+') watch(root, ofSize)
  if (root.op === 'call' && root.args[0] === 'timestamp')
    root.args[1].forEach((arg) => watch(arg, withZone))
  if (root.op === 'rcall') {
    const [name, receiver] = root.args
    if (macros.has(name)) watch(receiver, (list) => walkable(list, fuel))
    if (name === 'join') watch(root, ofSize)
  }
  for (const child of childrenOf(root)) guard(child, fuel)
}

/** Lets `look` see each value of the node. */
function watch(ast: ASTNode, look: (value: unknown) => void): void {
  // The library's types leave these hooks out; `cel.test.ts` fails if they ever go.
  const node = ast as unknown as Node
  const { meta } = node
  const { alternate } = meta
  const typeCheck = (checker: Runner, _: unknown, scope: unknown): unknown =>
    alternate ? checker.check(alternate, scope) : meta.check(checker, node, scope)
  const evaluate = (evaluator: Runner, _: unknown, scope: unknown): unknown => {
    const value = alternate
      ? evaluator.run(alternate, scope)
      : meta.evaluate(evaluator, node, scope)
    look(value)
    return value
  }
  node
    .setMeta('alternate', undefined)
    .setMeta('macro', { typeCheck, evaluate })
    .setMeta('async', false)
}

function walkable(list: unknown, fuel: Fuel): void {
  const items = sizeOf(list)
  if (items > celLimits.listItemsMax) {
    throw new Error(`a list of ${items} items, macros walk at most ${celLimits.listItemsMax}`)
  }
  fuel.iterations -= items
  if (fuel.iterations < 0) {
    throw new Error(`more than ${celLimits.iterationsMax} steps in macros`)
  }
}

function ofSize(value: unknown): void {
  const max = typeof value === 'string' ? celLimits.matchTextMax : celLimits.listItemsMax
  if (sizeOf(value) > max)
    throw new Error(`a value of ${sizeOf(value)} items or characters, at most ${max}`)
}

/** ISO text without a zone is read in the host's: two hosts, two answers. */
function withZone(value: unknown): void {
  if (typeof value === 'string' && !/(Z|[+-]\d{2}:\d{2})$/.test(value)) {
    throw new Error(`timestamp() needs a zone, as in 2026-01-31T12:00:00Z`)
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0
}
