import {
  type Answer,
  type ApiClient,
  type Asked,
  createApiClient,
  invalid,
  refused,
} from '@waybill/api'
import { encode, type Plain } from '@waybill/core'
import { sha256, streamNames } from '@waybill/log'
import { find } from './found.ts'
import type { Jobs } from './jobs.ts'
import type { HandlerParts } from './parts.ts'

/*
 * Dead letters are found in the read store and run again by the partitions that have them: those
 * decide, once, so two operators who find the same ones redrive each of them once.
 */

const shownMax = 100
/** What takes no longer than this is done before the answer; the rest is told by the operation. */
const answeredWithinMs = 2000

export async function redrive(
  parts: HandlerParts,
  jobs: Jobs,
  asked: Asked<'dlq.redrive'>,
): Promise<Answer<'dlq.redrive'>> {
  const api = createApiClient(parts.nc, { prefix: parts.topology.prefix })
  const { ids, declined: foreseen, asOf } = await find(api, asked)
  const { dryRun, app, by, reason, version, ratePerSecond } = asked
  const answer = { dryRun, matched: ids.length, ids: ids.slice(0, shownMax), asOf }
  const event = asked.data === undefined ? undefined : await edited(api, ids, asked.data)
  if (dryRun || ids.length === 0) return { ...answer, started: [], declined: shown(foreseen) }
  const { op, told, ended } = await jobs.begin({
    kind: 'redrive',
    app,
    by,
    reason,
    ids: [...ids],
    ...(ratePerSecond !== undefined && { ratePerSecond }),
    filter: { ...(asked.filter ?? { ids: answer.ids }), version },
    version,
    ...(event && { event }),
  })
  if (isSoonDone(ids.length, ratePerSecond)) await ended
  const started = shown(told.flatMap((one) => one.started))
  const declined = shown(told.flatMap((one) => one.declined))
  return { ...answer, started, declined, op, asOf: await now(parts) }
}

export async function discard(
  parts: HandlerParts,
  jobs: Jobs,
  asked: Asked<'dlq.discard'>,
): Promise<Answer<'dlq.discard'>> {
  const api = createApiClient(parts.nc, { prefix: parts.topology.prefix })
  const { ids, declined: foreseen, asOf } = await find(api, asked)
  const { dryRun, app, by, reason } = asked
  const answer = { dryRun, matched: ids.length, ids: ids.slice(0, shownMax), asOf }
  if (dryRun || ids.length === 0) return { ...answer, discarded: 0, declined: shown(foreseen) }
  const { op, told, ended } = await jobs.begin({
    kind: 'discard',
    app,
    by,
    reason,
    ids: [...ids],
    filter: { ...(asked.filter ?? { ids: answer.ids }) },
  })
  if (isSoonDone(ids.length, undefined)) await ended
  const discarded = told.reduce((sum, { done }) => sum + done, 0)
  const declined = shown(told.flatMap((one) => one.declined))
  return { ...answer, discarded, declined, op, asOf: await now(parts) }
}

const shown = <T>(list: readonly T[]): T[] => list.slice(0, shownMax)

const isSoonDone = (many: number, ratePerSecond: number | undefined): boolean =>
  many <= shownMax && (many * 1000) / (ratePerSecond ?? Infinity) <= answeredWithinMs

/** The event that one died of, with other data; it keeps its id. */
async function edited(api: ApiClient, ids: readonly string[], data: Plain) {
  const [id] = ids
  if (ids.length !== 1 || id === undefined) {
    throw invalid('edited data is for one dead letter', 'data')
  }
  const { event } = await api.call('dlq.get', { id })
  if (!event) throw refused('event_gone', `the event of ${id} is no longer kept`)
  const digest = sha256.bytes(encode([event.type, data])).slice(0, 32)
  return { ...event, data, digest }
}

const now = async ({ log, topology }: HandlerParts) => {
  const { journal } = streamNames(topology)
  const { lastSeq } = await log.info(journal)
  return { [journal]: lastSeq }
}
