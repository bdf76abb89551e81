import type { Predicate } from '@waybill/core'
import { CelProblem } from '../cel/limits.ts'
import { checkCel } from '../cel/program.ts'
import type { Shape } from '../cel/shape.ts'
import { codeHash } from '../code-hash.ts'
import type { Issues } from './error.ts'

export function whenOf(when: unknown, data: Shape, issues: Issues): Predicate | undefined {
  if (when === undefined) return undefined
  if (typeof when === 'string') return celOf('when', when, data, ['bool'], issues)
  if (typeof when === 'function') return functionOf(when)
  const hint = 'CEL text, or (event) => boolean'
  return issues.add('definition.type', 'when', 'is no predicate', hint)
}

export function keyOf(
  path: string,
  key: unknown,
  data: Shape,
  issues: Issues,
): Predicate | undefined {
  if (key === undefined) return undefined
  if (typeof key === 'string') return celOf(path, key, data, ['string', 'int', 'bool'], issues)
  if (typeof key === 'function' && !isAsync(key)) return functionOf(key)
  const message = typeof key === 'function' ? 'is asynchronous' : 'is no key'
  return issues.add('definition.type', path, message, 'CEL text, or (event) => string')
}

function celOf(
  path: string,
  text: string,
  data: Shape,
  result: readonly string[],
  issues: Issues,
): Predicate {
  try {
    checkCel(text, data, result)
  } catch (cause) {
    if (!(cause instanceof CelProblem)) throw cause
    issues.add('definition.cel', path, `${cause.code}: ${cause.message}`, cause.hint)
  }
  return { kind: 'cel', text }
}

const functionOf = (code: object): Predicate => ({
  kind: 'function',
  code: codeHash(code),
  async: isAsync(code),
})

/** A function that only turns out to be asynchronous when it is called is asked as an effect then. */
function isAsync(code: object): boolean {
  return Object.prototype.toString.call(code) === '[object AsyncFunction]'
}
