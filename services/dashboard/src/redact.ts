import { ApiError, invalid } from '@waybill/api'
import { z } from 'zod'

const mark = '[redacted]'

/**
 * A path in a payload, as in `data.card.number`; `*` stands for any way to it, as in `*.password`.
 * A name alone means it wherever it is. Capitals, `-` and `_` make no difference, and lists are
 * gone through.
 */
export const redactionRule = z
  .string()
  .regex(/^[\w*$-]+(\.[\w*$-]+)*$/, { error: 'names with dots between them' })

export const redactedByDefault: readonly string[] = [
  'authorization',
  'proxy_authorization',
  'cookie',
  'set_cookie',
  'password',
  'passwd',
  'passphrase',
  'secret',
  'client_secret',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'api_key',
  'x_api_key',
  'private_key',
  'credentials',
]

/**
 * Where answers hold what came from outside or from handlers, and no contract says what is in it.
 * All other fields are our own.
 */
const payloads: ReadonlySet<string> = new Set([
  'data',
  'headers',
  'output',
  'body',
  'metadata',
  'filter',
])

/** Makes a copy in which what the rules name is a mark that says so. */
export function createRedactor(rules: readonly string[]): (answer: unknown) => unknown {
  const paths = rules.map((rule) => {
    const names = rule.split('.').map(plainOf)
    return names.length === 1 ? ['*', ...names] : names
  })
  if (paths.length === 0) return (answer) => answer
  const isSecret = (path: readonly string[]) => paths.some((rule) => fits(rule, path))

  function inside(value: unknown, path: readonly string[]): unknown {
    if (isSecret(path)) return mark
    return mapped(value, (field, name) => inside(field, name === '' ? path : [...path, name]))
  }

  return function outside(value: unknown): unknown {
    return mapped(value, (field, name, key) => {
      if (payloads.has(key)) return inside(field, [name])
      // Of what could not be read nobody knows what it holds.
      return field instanceof Uint8Array ? mark : outside(field)
    })
  }
}

/** What was redacted must not come back as if it were the value. */
export function refuseMarks(value: unknown, path = ''): void {
  if (value === mark) throw marked(path)
  if (typeof value !== 'object' || value === null) return
  for (const [key, field] of Object.entries(value)) {
    refuseMarks(field, path === '' ? key : `${path}.${key}`)
  }
}

const marked = (path: string): ApiError =>
  invalid(`it holds ${mark}, which is what was shown in place of the value`, path)

type Visit = (field: unknown, name: string, key: string) => unknown

/** Items of a list have no name of their own. */
function mapped(value: unknown, visit: Visit): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => visit(item, '', ''))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, visit(field, plainOf(key), key)]),
  )
}

const plainOf = (name: string): string => name.toLowerCase().replace(/[-_]/g, '')

function fits(rule: readonly string[], path: readonly string[]): boolean {
  const [first, ...rest] = rule
  if (first === undefined) return path.length === 0
  if (first === '*') {
    if (rest.length === 0) return path.length > 0
    return path.some((_, at) => fits(rest, path.slice(at)))
  }
  return first === path[0] && fits(rest, path.slice(1))
}
