import { type Answer, type ApiClient, ApiError, type Asked, invalid } from '@waybill/api'

type Declined = Answer<'dlq.discard'>['declined']

/** The dead letters that a command means. */
export interface Found {
  readonly ids: readonly string[]
  /** Known to be none that can be run again; only a dry run asks. */
  readonly declined: Declined
  readonly asOf: Readonly<Record<string, number>>
}

type Meant = Pick<Asked<'dlq.redrive'>, 'app' | 'ids' | 'filter' | 'dryRun'>

/** Exactly those that are pending now: what dies later is not meant. */
export async function find(api: ApiClient, { app, ids, filter, dryRun }: Meant): Promise<Found> {
  if ((ids === undefined) === (filter === undefined)) {
    throw invalid('one of ids and filter is wanted', 'ids')
  }
  // The partitions know best what can be run again: they are asked by doing it.
  if (ids) {
    const named = [...new Set(ids)]
    return dryRun ? foresee(api, named) : { ids: named, declined: [], asOf: {} }
  }
  const found: string[] = []
  let cursor: string | undefined
  let asOf = {}
  const until = Math.min(filter?.until ?? Infinity, Date.now() + 1)
  do {
    const page = await api.call('dlq.list', {
      ...filter,
      app,
      until,
      status: 'pending',
      limit: 500,
      ...(cursor !== undefined && { cursor }),
    })
    found.push(...page.entries.map(({ id }) => id))
    asOf = page.asOf
    cursor = page.next
  } while (cursor !== undefined)
  // The oldest first: they have waited longest.
  return { ids: found.reverse(), declined: [], asOf }
}

const lookUpsAtOnce = 16

async function foresee(api: ApiClient, ids: readonly string[]): Promise<Found> {
  const pending: string[] = []
  const declined: Declined = []
  let asOf = {}
  for (let from = 0; from < ids.length; from += lookUpsAtOnce) {
    const some = ids.slice(from, from + lookUpsAtOnce)
    const looked = await Promise.all(some.map((id) => look(api, id)))
    for (const [at, one] of looked.entries()) {
      const dispatch = some[at] ?? ''
      if (one) asOf = one.asOf
      if (one?.entry.status === 'pending') pending.push(dispatch)
      else declined.push({ dispatch, ...whyNot(dispatch, one?.entry.status) })
    }
  }
  return { ids: pending, declined, asOf }
}

async function look(api: ApiClient, id: string) {
  try {
    return await api.call('dlq.get', { id })
  } catch (cause) {
    if (cause instanceof ApiError && cause.kind === 'not_found') return undefined
    throw cause
  }
}

const whyNot = (id: string, status: string | undefined): { code: string; reason: string } =>
  status === undefined
    ? { code: 'not_found', reason: `${id} is no dead letter` }
    : { code: `already_${status}`, reason: `${id} is ${status}` }
