import type { ASTNode } from '@marcbachmann/cel-js'
import { functions, linearPattern, macros, methods } from './environment.ts'
import { celLimits, CelProblem } from './limits.ts'

/** Which parts of the event an expression reads; `whole` = everything below this place. */
export interface Uses {
  whole: boolean
  readonly fields: Map<string, Uses>
}

export interface Inspection {
  readonly uses: Uses
  /** Every field name in the text, wherever it stands. */
  readonly names: ReadonlySet<string>
}

/** Walks an expression once and refuses what our rules refuse and the library allows. */
export function inspect(root: ASTNode): Inspection {
  const uses = newUses()
  const names = new Set<string>()
  visit(root, 0)
  return { uses, names }

  function visit(node: ASTNode, macroDepth: number): void {
    const path = pathOf(node)
    if (path) {
      for (const name of path) names.add(name)
      return use(uses, path)
    }
    if (node.op === '.') names.add(node.args[1])
    const key = keyOf(node)
    if (key !== undefined) names.add(key)
    if (node.op === 'call') checkCall(node.args[0])
    if (node.op !== 'rcall') return childrenOf(node).forEach((child) => visit(child, macroDepth))

    const [name, receiver, args] = node.args
    checkMethod(name, args)
    const inner = macros.has(name) ? macroDepth + 1 : macroDepth
    if (inner > celLimits.macroDepthMax) {
      throw new CelProblem(
        'cel.macro',
        `${name}() inside two other macros`,
        'one inside another is the limit',
      )
    }
    visit(receiver, macroDepth)
    args.forEach((arg) => visit(arg, inner))
  }
}

/** `event.data.order` -> ['data', 'order']; undefined when it is not a plain path from `event`. */
export function pathOf(node: ASTNode): string[] | undefined {
  if (node.op === 'id') return node.args === 'event' ? [] : undefined
  if (node.op === '.') {
    const left = pathOf(node.args[0])
    return left && [...left, node.args[1]]
  }
  const key = keyOf(node)
  const left = node.op === '[]' && key !== undefined ? pathOf(node.args[0]) : undefined
  return left && key !== undefined ? [...left, key] : undefined
}

/** The key in `map["key"]`. */
function keyOf(node: ASTNode): string | undefined {
  const index = node.op === '[]' ? node.args[1] : undefined
  return index?.op === 'value' && typeof index.args === 'string' ? index.args : undefined
}

export function childrenOf(node: ASTNode): readonly ASTNode[] {
  if (node.op === 'value' || node.op === 'id') return []
  if (node.op === '.' || node.op === '.?') return [node.args[0]]
  if (node.op === '!_' || node.op === '-_') return [node.args]
  if (node.op === 'call') return node.args[1]
  if (node.op === 'rcall') return [node.args[1], ...node.args[2]]
  return node.op === 'map' ? node.args.flat() : node.args
}

function checkCall(name: string): void {
  if (functions.has(name)) return
  const hint = name === 'matches' ? useRe2 : `known: ${[...functions].sort().join(', ')}`
  throw new CelProblem('cel.function', `no function ${name}()`, hint)
}

function checkMethod(name: string, args: readonly ASTNode[]): void {
  if (name === 'matches')
    throw new CelProblem('cel.function', 'matches() is not linear in time', useRe2)
  if (!methods.has(name)) {
    throw new CelProblem(
      'cel.function',
      `no method ${name}()`,
      `known: ${[...methods].sort().join(', ')}`,
    )
  }
  if (name.startsWith('get') && args.length > 0) {
    const hint = 'times are UTC: a zone would make the answer depend on the host'
    throw new CelProblem('cel.function', `${name}() takes no zone`, hint)
  }
  if (name === 're2Matches') checkPattern(args[0])
  const variable = macros.has(name) ? args[0] : undefined
  if (variable?.op === 'id' && variable.args === 'event') {
    throw new CelProblem(
      'cel.macro',
      `${name}(event, ...) hides the event`,
      'give the variable another name',
    )
  }
}

function checkPattern(pattern: ASTNode | undefined): void {
  const text = pattern?.op === 'value' ? pattern.args : undefined
  if (typeof text !== 'string') {
    throw new CelProblem(
      'cel.pattern',
      're2Matches() needs its pattern as a literal',
      're2Matches("^v[0-9]+$")',
    )
  }
  try {
    linearPattern(text)
  } catch (cause) {
    if (cause instanceof CelProblem) throw cause
    const hint = 'RE2 syntax: no look-around, no back-references'
    throw new CelProblem(
      'cel.pattern',
      cause instanceof Error ? cause.message : String(cause),
      hint,
      { cause },
    )
  }
}

const useRe2 = 'use re2Matches("pattern")'

function use(root: Uses, path: readonly string[]): void {
  let at = root
  for (const name of path) {
    let next = at.fields.get(name)
    if (!next) at.fields.set(name, (next = newUses()))
    at = next
  }
  at.whole = true
}

const newUses = (): Uses => ({ whole: false, fields: new Map() })
