import {
  EvaluationError,
  ParseError,
  TypeError as CelTypeError,
  type ASTNode,
} from '@marcbachmann/cel-js'
import type { WaybillEvent } from '@waybill/core'
import { clausesOf, type Clause } from './clauses.ts'
import { evaluation, typedEnvironment } from './environment.ts'
import { guard, type Fuel } from './guard.ts'
import { inspect, pathOf, type Inspection } from './inspect.ts'
import { celLimits, CelProblem } from './limits.ts'
import { dyn, eventShape, fieldOf, type Shape } from './shape.ts'
import { celEvent, type CelValue } from './values.ts'

export type CelAnswer =
  | { readonly ok: true; readonly value: CelValue }
  | { readonly ok: false; readonly reason: string }

export interface CelProgram {
  readonly text: string
  /** Never throws: what goes wrong is an answer. `data` tells integers from other numbers. */
  evaluate(event: WaybillEvent, data?: Shape): CelAnswer
  /** After `evaluate` said false: the clause of the top-level `&&` that did. */
  falseClause(event: WaybillEvent, data?: Shape): string
}

const cacheMax = 1_000
const cache = new Map<string, CelProgram>()

/** Throws `CelProblem` for a text that is no expression of ours. Compiles each text once. */
export function compileCel(text: string): CelProgram {
  const known = cache.get(text)
  if (known) return known
  const program = createProgram(text)
  if (cache.size >= cacheMax) cache.clear()
  cache.set(text, program)
  return program
}

/**
 * Checks a text against what is known of the event's data, at definition. `result` lists the CEL
 * types it may have.
 */
export function checkCel(text: string, data: Shape, result: readonly string[]): void {
  const { names } = inspectText(text)
  const checked = typedEnvironment(data, names).parse(text).check()
  if (checked.error) throw typeProblem(checked.error, data)
  if (checked.type !== 'dyn' && !result.includes(checked.type ?? '')) {
    throw new CelProblem('cel.result', `is a ${checked.type}`, `it must be ${result.join(' or ')}`)
  }
}

function createProgram(text: string): CelProgram {
  const { uses } = inspectText(text)
  const fuel: Fuel = { iterations: 0 }
  const parsed = evaluation.parse(text)
  guard(parsed.ast, fuel)
  const { error } = parsed.check()
  if (error) throw typeProblem(error, dyn)
  const clauses = clausesOf(text)
  return { text, evaluate, falseClause }

  function evaluate(event: WaybillEvent, data: Shape = dyn): CelAnswer {
    fuel.iterations = celLimits.iterationsMax
    try {
      // The library answers with whatever the expression yields; `CelValue` is all that can be.
      return { ok: true, value: parsed({ event: celEvent(event, uses, data) }) as CelValue }
    } catch (cause) {
      return { ok: false, reason: capped(reasonOf(cause, clauses)) }
    }
  }

  function falseClause(event: WaybillEvent, data: Shape = dyn): string {
    const found =
      clauses.length === 1 ? clauses[0] : clauses.find((one) => isFalse(one, event, data))
    return capped((found ?? { text }).text)
  }
}

function isFalse(clause: Clause, event: WaybillEvent, data: Shape): boolean {
  try {
    const answer = compileCel(clause.text).evaluate(event, data)
    return answer.ok && answer.value === false
  } catch {
    return false // cut at the wrong place: then the whole text is named
  }
}

function inspectText(text: string): Inspection {
  if (text.length > celLimits.textMax) {
    throw new CelProblem('cel.size', `${text.length} characters`, `at most ${celLimits.textMax}`)
  }
  return inspect(parse(text))
}

function parse(text: string): ASTNode {
  try {
    return evaluation.parse(text).ast
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause
    const at = cause.range ? ` at character ${cause.range.start + 1}` : ''
    if (cause.code !== 'limit_exceeded') {
      throw new CelProblem('cel.syntax', `${cause.summary}${at}`, 'see cel.dev for the language', {
        cause,
      })
    }
    const hint = `at most ${celLimits.nodesMax} nodes, ${celLimits.depthMax} levels deep`
    throw new CelProblem('cel.size', `${cause.summary}${at}`, hint, { cause })
  }
}

function typeProblem(cause: ParseError | CelTypeError, data: Shape): CelProblem {
  const at = cause.range ? ` at character ${cause.range.start + 1}` : ''
  return new CelProblem('cel.type', `${cause.summary}${at}`, hintFor(cause, data), { cause })
}

function hintFor(cause: ParseError | CelTypeError, data: Shape): string {
  if (cause.code === 'unknown_variable') return 'the only variable is `event`'
  if (cause.summary.includes('double') && cause.summary.includes('int')) {
    return 'an integer and a number: write 2.0, or declare the field z.int()'
  }
  if (cause.code !== 'no_such_key') return ''
  // The library says `ErrorLocation`; of a type error it is the node.
  const node = cause.node as ASTNode | undefined
  const owner = node && pathOf(node)?.slice(0, -1)
  const shape = owner?.reduce<Shape | undefined>(fieldOf, eventShape(data))
  return shape?.kind === 'object' ? `known here: ${[...shape.fields.keys()].join(', ')}` : ''
}

function reasonOf(cause: unknown, clauses: readonly Clause[]): string {
  if (!(cause instanceof EvaluationError))
    return cause instanceof Error ? cause.message : String(cause)
  const at = cause.range?.start
  const clause = clauses.find(({ start, end }) => at !== undefined && at >= start && at < end)
  return clause ? `${cause.summary} in ${clause.text}` : cause.summary
}

const capped = (reason: string): string =>
  reason.length > celLimits.reasonMax ? `${reason.slice(0, celLimits.reasonMax - 1)}…` : reason
