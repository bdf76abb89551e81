import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Conditions } from './scan.ts'

/** What lists have in common; each is empty when it is not asked for. */

export function splitBinding(binding: string): { id: string; version: number | undefined } {
  const at = binding.lastIndexOf('@v')
  if (at < 0) return { id: binding, version: undefined }
  return { id: binding.slice(0, at), version: Number(binding.slice(at + 2)) }
}

export function ofBinding(binding: string | undefined): Conditions {
  if (binding === undefined) return []
  const { id, version } = splitBinding(binding)
  const same = sql<SqlBool>`"binding" = ${id}`
  return version === undefined ? [same] : [same, sql<SqlBool>`"version" = ${version}`]
}

export const equal = (column: string, value: string | undefined): Conditions =>
  value === undefined ? [] : [sql<SqlBool>`${sql.ref(column)} = ${value}`]

export function within(
  column: string,
  { since, until }: { since?: number | undefined; until?: number | undefined },
): Conditions {
  return [
    ...(since === undefined ? [] : [sql<SqlBool>`${sql.ref(column)} >= ${since}`]),
    ...(until === undefined ? [] : [sql<SqlBool>`${sql.ref(column)} < ${until}`]),
  ]
}

/** Somewhere in one of the columns, whatever the case of ASCII letters. */
export function contains(columns: readonly string[], text: string | undefined): Conditions {
  if (text === undefined) return []
  const pattern = `%${escapeLike(text)}%`
  const one = (column: string) => like(sql.ref(column), pattern)
  return [sql<SqlBool>`(${sql.join(columns.map(one), sql` or `)})`]
}

/**
 * A type, or a pattern of types by NATS rules. A `%` may cross dots where `*` may not, so the dots
 * are counted: with as many as the pattern has, none is left for a token to hold. Exact but for
 * patterns with tokens between a `*` and a final `>`, which find a few more.
 */
export function ofType(pattern: string | undefined): Conditions {
  if (pattern === undefined) return []
  if (!/[*>]/.test(pattern)) return equal('type', pattern)
  const matches = like(sql.ref('type'), escapeLike(pattern).replace(/[*>]/g, '%'))
  if (pattern.endsWith('>')) return [matches]
  const dots = pattern.split('.').length - 1
  const counted = sql<SqlBool>`length("type") - length(replace("type", '.', '')) = ${dots}`
  return [matches, counted]
}

const like = (column: RawBuilder<unknown>, pattern: string): RawBuilder<SqlBool> =>
  sql<SqlBool>`${column} like ${pattern} escape '\\'`

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, String.raw`\$&`)
