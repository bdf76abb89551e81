import type { RequestOf } from '@waybill/api'
import type { DispatchState } from '@waybill/core'
import { parseDuration } from '../../base/text.ts'
import type { Changes } from '../../base/route.ts'
import { dispatchStates, openStates } from '../../ui/state.tsx'
import type { LiveStep } from '../../live/conflate.ts'

/** What is looked at. All of it stands in the address bar, so a link shows the same list. */
export interface DispatchFilter {
  readonly states: readonly DispatchState[]
  readonly binding?: string
  readonly type?: string
  readonly event?: string
  readonly tenant?: string
  readonly text?: string
  /** `24h` = from so long ago on; or a date. Of when a dispatch began. */
  readonly since?: string
  readonly until?: string
}

const names = {
  binding: 'binding',
  type: 'type',
  event: 'event',
  tenant: 'tenant',
  text: 'q',
  since: 'since',
  until: 'until',
} as const

/** A link may be old or mistyped: states that do not exist are left out. */
export function filterOf(search: URLSearchParams): DispatchFilter {
  const states = search.getAll('state').flatMap((one) => one.split(','))
  const texts = Object.entries(names).flatMap(([field, name]) => {
    const value = search.get(name)
    return value === null || value === '' ? [] : [[field, value]]
  })
  return {
    states: dispatchStates.filter((one) => states.includes(one)),
    ...Object.fromEntries(texts),
  }
}

export function searchOf(filter: DispatchFilter): Changes {
  const texts = Object.entries(names).map(([field, name]) => [
    name,
    filter[field as keyof typeof names], // a key of the table
  ])
  return { ...Object.fromEntries(texts), state: filter.states.join(',') }
}

type ListRequest = RequestOf<'dispatch.list'>

export function requestOf(
  filter: DispatchFilter,
  app: string | undefined,
  now: number,
): ListRequest {
  const { states, binding, type, event, tenant, text } = filter
  const since = momentOf(filter.since, now)
  const until = momentOf(filter.until, now)
  return {
    ...(states.length > 0 && { state: [...states] }),
    ...pickTexts({ app, binding, type, event, tenant, text }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  }
}

function pickTexts<T extends Record<string, string | undefined>>(texts: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(texts).filter(([, value]) => value !== undefined),
  ) as Partial<T> // the same keys, fewer of them
}

/** `24h` before now, or a date; what is neither says nothing. */
export function momentOf(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined
  const ago = parseDuration(text)
  if (ago !== undefined) return now - ago
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : at
}

/** In words, for a dialog that names what it acts on. */
export function filterText(filter: DispatchFilter, app: string | undefined): string {
  const { states, ...texts } = filter
  const parts = [
    ...(app === undefined ? [] : [`app ${app}`]),
    ...(states.length === 0 ? [] : [`state ${states.join(' or ')}`]),
    ...Object.entries(texts).map(([field, value]) => `${field} ${value}`),
  ]
  return parts.length === 0 ? 'everything' : parts.join(', ')
}

export const isFiltered = (filter: DispatchFilter): boolean =>
  filter.states.length > 0 || Object.keys(filter).length > 1

/**
 * Does a dispatch belong to the list after this step? `maybe`: it fits, as far as a live step says
 * (text, event and tenant are not in it).
 */
export function fits(
  filter: DispatchFilter,
  app: string | undefined,
  step: LiveStep,
): 'yes' | 'maybe' | 'no' {
  const { states, binding, type, text, event, tenant, until } = filter
  const isOut =
    (app !== undefined && step.app !== app) ||
    (states.length > 0 && !states.includes(step.to)) ||
    (binding !== undefined && !bindingFits(binding, step.binding)) ||
    (type !== undefined && !typeFits(type, step.type))
  if (isOut) return 'no'
  return [text, event, tenant, until].some((one) => one !== undefined) ? 'maybe' : 'yes'
}

const bindingFits = (wanted: string, key: string): boolean =>
  wanted === key || key.startsWith(`${wanted}@`)

/** As NATS subjects: `*` is one token, `>` the rest. */
function typeFits(pattern: string, type: string): boolean {
  const [wanted, given] = [pattern.split('.'), type.split('.')]
  for (const [at, want] of wanted.entries()) {
    if (want === '>') return given.length > at
    if (want !== '*' && want !== given[at]) return false
  }
  return wanted.length === given.length
}

export interface View {
  readonly name: string
  readonly filter: DispatchFilter
}

/** What people look for first. */
export const views: readonly View[] = [
  { name: 'All', filter: { states: [] } },
  { name: 'In flight', filter: { states: openStates } },
  { name: 'Failed', filter: { states: ['failed', 'dlq'] } },
  {
    name: 'Waiting > 1 h',
    filter: { states: ['flowGated', 'retryWait', 'waiting'], until: '1h' },
  },
  { name: 'Throttled', filter: { states: ['flowGated'] } },
]

export const sameFilter = (a: DispatchFilter, b: DispatchFilter): boolean =>
  JSON.stringify(searchOf(a)) === JSON.stringify(searchOf(b))
