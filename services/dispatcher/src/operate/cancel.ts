import { randomUUID } from 'node:crypto'
import { type Answer, type ApiClient, type Asked, createApiClient, invalid } from '@waybill/api'
import { openState, parseId } from '@waybill/core'
import type { Jobs } from './jobs.ts'
import { ask, type HandlerParts } from './parts.ts'
import { parting, type Tally } from './tell.ts'

type Command = Asked<'dispatch.cancelMany'>

const shownMax = 100
/** What takes no longer than this many letters is done before the answer. */
const answeredMax = 100

/**
 * Open dispatches are found in the read store and cancelled by the partitions that have them: one
 * that has ended meanwhile has ended.
 */
export async function cancelMany(
  parts: HandlerParts,
  jobs: Jobs,
  asked: Command,
): Promise<Answer<'dispatch.cancelMany'>> {
  const api = createApiClient(parts.nc, { prefix: parts.topology.prefix })
  const { app, by, reason, dryRun } = asked
  const { ids, asOf } = await find(api, asked)
  const answer = { dryRun, matched: ids.length, ids: ids.slice(0, shownMax), asOf }
  if (dryRun || ids.length === 0) return { ...answer, cancelled: 0 }
  let cancelled = 0
  const { op, ended } = await jobs.begin({
    kind: 'cancel',
    app,
    by,
    reason,
    total: ids.length,
    filter: { ...(asked.filter ?? { ids: answer.ids }) },
    next: parting(ids, undefined, async (some): Promise<Tally> => {
      const done = await Promise.all(some.map((id) => cancelOne(parts, id, { by, reason })))
      const many = done.filter(Boolean).length
      cancelled += many
      return { done: many, declined: some.length - many }
    }),
  })
  if (ids.length <= answeredMax) await ended
  return { ...answer, cancelled, op }
}

/** False: it had ended. */
async function cancelOne(
  parts: HandlerParts,
  dispatch: string,
  { by, reason }: Pick<Command, 'by' | 'reason'>,
): Promise<boolean> {
  const target = { kind: 'dispatch', dispatch } as const
  const letter = { id: randomUUID(), body: { kind: 'cancel', target, by, reason } } as const
  const answer = await ask(parts, parseId(dispatch)?.slot ?? 0, letter)
  return answer.kind === 'cancelled' && answer.dispatches > 0
}

/** Those that are open now: what begins later is not meant. */
async function find(
  api: ApiClient,
  { app, ids, filter, dryRun }: Command,
): Promise<{ readonly ids: readonly string[]; readonly asOf: Record<string, number> }> {
  if ((ids === undefined) === (filter === undefined)) {
    throw invalid('one of ids and filter is wanted', 'ids')
  }
  if (ids) return dryRun ? foresee(api, [...new Set(ids)]) : { ids: [...new Set(ids)], asOf: {} }
  const found: string[] = []
  const until = Math.min(filter?.until ?? Infinity, Date.now() + 1)
  const state = filter?.state ?? openState.options
  let cursor: string | undefined
  let asOf = {}
  do {
    const more = cursor === undefined ? {} : { cursor }
    const page = await api.call('dispatch.list', {
      ...filter,
      app,
      state,
      until,
      limit: 500,
      ...more,
    })
    found.push(...page.dispatches.map(({ id }) => id))
    asOf = page.asOf
    cursor = page.next
  } while (cursor !== undefined)
  return { ids: found, asOf }
}

const lookUpsAtOnce = 16

async function foresee(api: ApiClient, ids: readonly string[]) {
  const open: string[] = []
  let asOf: Record<string, number> = {}
  for (let from = 0; from < ids.length; from += lookUpsAtOnce) {
    const some = ids.slice(from, from + lookUpsAtOnce)
    for (const { dispatch, asOf: known } of await Promise.all(
      some.map((id) => api.call('dispatch.get', { id })),
    )) {
      asOf = known
      if (openState.safeParse(dispatch.row.state).success) open.push(dispatch.row.id)
    }
  }
  return { ids: open, asOf }
}
