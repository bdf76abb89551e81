import { Environment } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'
import { celLimits, CelProblem } from './limits.ts'
import { eventShape, type ObjectShape, type Shape } from './shape.ts'

/**
 * Functions an expression may call. Left out of what the library offers: `matches` (not linear),
 * everything that asks the host's time zone or locale, `bind` (no use that repeating doesn't have).
 */
export const functions: ReadonlySet<string> = new Set(
  'bool bytes double duration dyn has int size string timestamp type uint'.split(' '),
)
export const macros: ReadonlySet<string> = new Set('all exists exists_one filter map'.split(' '))
export const methods: ReadonlySet<string> = new Set([
  ...macros,
  ...'contains endsWith indexOf join lastIndexOf lowerAscii re2Matches'.split(' '),
  ...'size split startsWith substring trim upperAscii'.split(' '),
  ...'getDate getDayOfMonth getDayOfWeek getFullYear getHours getMilliseconds'.split(' '),
  ...'getMinutes getMonth getSeconds'.split(' '),
])

const base = new Environment({
  limits: {
    maxAstNodes: celLimits.nodesMax,
    maxDepth: celLimits.depthMax,
    maxListElements: celLimits.nodesMax,
    maxMapEntries: celLimits.nodesMax,
  },
})
base.registerFunction('string.re2Matches(string): bool', re2Matches, { async: false })
mixNumbers()

/** Where expressions run: the values have been converted, so nothing is assumed of the event. */
export const evaluation = base.clone().registerVariable('event', 'dyn')

/**
 * Where they are type-checked against what is known of the data. Open objects get the names that
 * the expression uses as fields of any type: the library knows closed ones only.
 */
export function typedEnvironment(data: Shape, namesUsed: ReadonlySet<string>): Environment {
  const env = base.clone()
  let objects = 0
  return env.registerVariable('event', typeName(eventShape(data)))

  function typeName(shape: Shape): string {
    if (shape.kind === 'timestamp') return 'google.protobuf.Timestamp'
    if (shape.kind === 'list') return `list<${typeName(shape.item)}>`
    if (shape.kind === 'map') return `map<string, ${typeName(shape.value)}>`
    return shape.kind === 'object' ? objectName(shape) : shape.kind
  }

  function objectName({ fields, open }: ObjectShape): string {
    const types: Record<string, string> = {}
    if (open) for (const name of namesUsed) types[name] = 'dyn'
    for (const [name, field] of fields) types[name] = typeName(field)
    objects += 1
    const name = `Object${objects}`
    env.registerType(name, { fields: types })
    return name
  }
}

const patterns = new Map<string, RE2JS>()

/** Patterns are literals (checked at definition), so the memo is as small as the definitions. */
export function linearPattern(pattern: string): RE2JS {
  const known = patterns.get(pattern)
  if (known) return known
  if (pattern.length > celLimits.patternMax) {
    throw new CelProblem(
      'cel.pattern',
      `a pattern of ${pattern.length} characters`,
      `at most ${celLimits.patternMax}`,
    )
  }
  const compiled = RE2JS.compile(pattern)
  patterns.set(pattern, compiled)
  return compiled
}

function re2Matches(text: string, pattern: string): boolean {
  if (text.length > celLimits.matchTextMax) {
    throw new Error(`re2Matches over ${text.length} characters, at most ${celLimits.matchTextMax}`)
  }
  return linearPattern(pattern).test(text)
}

/**
 * JSON has one kind of number and CEL two that don't mix: without these, `price * 1.5` would work
 * for 2.5 and fail for 2 wherever no schema says which it is.
 */
function mixNumbers(): void {
  const operators = {
    '+': (a: number, b: number) => a + b,
    '-': (a: number, b: number) => a - b,
    '*': (a: number, b: number) => a * b,
    '/': (a: number, b: number) => a / b,
  }
  for (const [operator, apply] of Object.entries(operators)) {
    const handler = (a: number | bigint, b: number | bigint): number => apply(Number(a), Number(b))
    base.registerOperator(`int ${operator} double: double`, handler)
    base.registerOperator(`double ${operator} int: double`, handler)
  }
}
