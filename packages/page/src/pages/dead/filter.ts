import type { DeadLetter, RequestOf } from '@waybill/api'
import type { DeadReason } from '@waybill/core'
import { momentOf } from '../dispatches/filter.ts'

/** Which dead letters are looked at; all of it stands in the address bar. */
export interface DeadFilter {
  readonly binding?: string
  readonly reason?: DeadReason
  readonly text?: string
  /** `24h` = what died since so long ago; or a date. */
  readonly since?: string
  /** Of a group. */
  readonly group?: string
}

const names = { binding: 'binding', text: 'q', since: 'since', group: 'fingerprint' } as const

/** As the log names them; a new one breaks the build here. */
const reasons: Readonly<Record<DeadReason, true>> = {
  retry_exhausted: true,
  permanent: true,
  circuit_open: true,
  budget_exhausted: true,
  loop: true,
  poison: true,
  expired: true,
  denied: true,
  lost: true,
}
export const deadReasons = Object.keys(reasons) as DeadReason[] // its own literal's keys

export function filterOf(search: URLSearchParams): DeadFilter {
  const given = Object.entries(names).flatMap(([field, name]) => {
    const value = search.get(name) ?? ''
    // A time that nobody understands must not stand in a dialog as if it held something back.
    const isNone = value === '' || (name === 'since' && momentOf(value, 0) === undefined)
    return isNone ? [] : [[field, value] as const]
  })
  const reason = deadReasons.find((one) => one === search.get('reason'))
  return { ...Object.fromEntries(given), ...(reason && { reason }) }
}

type CommandFilter = NonNullable<RequestOf<'dlq.redrive'>['filter']>

/** What a question and a command are told alike: so a command means what was looked at. */
export function commandFilter(filter: DeadFilter, now: number): CommandFilter {
  const { binding, reason, text, group } = filter
  const since = momentOf(filter.since, now)
  return {
    ...(binding !== undefined && { binding }),
    ...(reason !== undefined && { reason: [reason] }),
    ...(text !== undefined && { text }),
    ...(group !== undefined && { fingerprint: group }),
    ...(since !== undefined && { since }),
  }
}

export type Status = DeadLetter['status']
export const statuses: readonly Status[] = [
  'pending',
  'redriven',
  'resolved',
  'discarded',
  'expired',
]

/** `pending` unless another word is said; `all` is every status. */
export function statusOf(search: URLSearchParams): Status | undefined {
  const given = search.get('status')
  if (given === 'all') return undefined
  return statuses.find((one) => one === given) ?? 'pending'
}

/** In words, for a dialog that names what it acts on. */
export function filterText(filter: DeadFilter): string {
  const { binding, reason, text, since, group } = filter
  const parts = [
    binding === undefined ? '' : `binding ${binding}`,
    reason === undefined ? '' : `reason ${reason}`,
    text === undefined ? '' : `"${text}"`,
    since === undefined ? '' : `died since ${since}`,
    group === undefined ? '' : `group ${group}`,
  ].filter((one) => one !== '')
  return parts.length === 0 ? 'all that are pending' : parts.join(', ')
}
