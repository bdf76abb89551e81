import { eventShape, type Shape } from '../cel/shape.ts'
import { parsePath, unknownName, type InputPath } from '../input.ts'
import { quote, type Issues } from './error.ts'
import { isObject } from './settings.ts'

const example = "a path such as 'event.data.order.id'"

export function inputsOf(
  input: unknown,
  data: Shape,
  issues: Issues,
): ReadonlyMap<string, InputPath> {
  const inputs = new Map<string, InputPath>()
  if (input === undefined) return inputs
  if (!isObject(input)) {
    issues.add('definition.type', 'input', 'is no mapping', `name -> ${example}`)
    return inputs
  }
  for (const [name, text] of Object.entries(input)) {
    const path = checkedPath(`input.${name}`, text, data, issues)
    if (path) inputs.set(name, path)
  }
  return inputs
}

function checkedPath(
  at: string,
  text: unknown,
  data: Shape,
  issues: Issues,
): InputPath | undefined {
  const path = typeof text === 'string' ? parsePath(text) : undefined
  if (!path) return issues.add('definition.input', at, `${quote(text)} is no path`, example)
  const lost = unknownName(eventShape(data), path)
  if (!lost) return path
  const hint = lost.known.length > 0 ? `known there: ${lost.known.join(', ')}` : example
  return issues.add('definition.input', at, `no ${lost.name} in ${String(text)}`, hint)
}
