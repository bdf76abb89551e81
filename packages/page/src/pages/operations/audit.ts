import type { Operation } from '@waybill/api'
import { iso } from '../../base/text.ts'

/** What is looked at; all of it stands in the address bar. */
export interface AuditFilter {
  readonly kind?: string
  readonly state?: string
  readonly by?: string
  readonly text?: string
}

const names = { kind: 'kind', state: 'state', by: 'by', text: 'q' } as const

export function filterOf(search: URLSearchParams): AuditFilter {
  const given = Object.entries(names).flatMap(([field, name]) => {
    const value = search.get(name) ?? ''
    return value === '' ? [] : [[field, value] as const]
  })
  return Object.fromEntries(given)
}

export function fits({ kind, state, by, text }: AuditFilter, one: Operation): boolean {
  return (
    (kind === undefined || one.kind === kind) &&
    (state === undefined || one.state === state) &&
    (by === undefined || one.by === by) &&
    (text === undefined || textOf(one).includes(text.toLowerCase()))
  )
}

const textOf = ({ id, kind, by, reason, filter, note = '' }: Operation): string =>
  [id, kind, by, reason, note, JSON.stringify(filter)].join(' ').toLowerCase()

/** What it acted on, in a line: `binding charge`, `60 of them`. */
export function aboutOf({ filter }: Pick<Operation, 'filter'>): string {
  const parts = Object.entries(filter).flatMap(([name, value]) => {
    if (value === undefined || value === null || leftOut.has(name)) return []
    if (Array.isArray(value)) {
      const [first] = value as unknown[]
      return [value.length === 1 ? `${name} ${plain(first)}` : `${value.length} ${name}`]
    }
    return [`${name} ${plain(value)}`]
  })
  return parts.join(', ')
}

const leftOut = new Set(['before', 'after', 'change', 'ledger'])

/** No count comes near to epoch ms. */
const isTime = (value: unknown): value is number => typeof value === 'number' && value > 1e11

const plain = (value: unknown): string =>
  isTime(value)
    ? iso(value)
    : typeof value === 'string'
      ? value
      : JSON.stringify(value).replaceAll('"', '')

/** Which states and people there are to choose from. */
export const different = (values: readonly string[]): readonly string[] =>
  [...new Set(values)].sort()
