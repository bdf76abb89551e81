import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { decode, parseId, type Entry, type InputRef, type WaybillEvent } from '@waybill/core'
import { eventIn, streamOf } from '@waybill/engine'
import { createReplayer, deployedApps, journalOf, type Divergence } from '@waybill/history'
import { decodeBatch, decodeEntry, sha256 } from '@waybill/log'
import type { Cli } from '../cli.ts'
import { connectLog, type LogConnection } from '../connection.ts'
import { CliError } from '../error.ts'
import { exit } from '../exit.ts'
import { startOf, type Journals } from '../journals.ts'
import { readExport } from './export.ts'
import { createSliceTaker, type Slice } from './slice.ts'

/** Ids hold neither dots nor slashes. */
export const isFile = (what: string): boolean => /[./\\]/.test(what) || existsSync(what)

export interface Found {
  readonly slice: Slice
  /** What the replay of the whole partition up to the dispatch's last transition came to. */
  readonly divergence: Divergence | undefined
}

export const sliceFrom = {
  async file(path: string): Promise<Slice> {
    const bytes = await readFile(path).catch((cause: unknown) => {
      throw new CliError(
        { code: 'WB4107', what: 'the file cannot be read', where: path, exitCode: exit.notFound },
        { cause },
      )
    })
    return readExport(sha256, path, bytes)
  },
  async journal(cli: Cli, prefix: string): Promise<Found> {
    await using connection = await connectLog(cli)
    const { app, id } = await identify(connection, prefix)
    return await sliceOf(connection, app, id, cli.signal)
  },
}

/**
 * A whole id says in which slot it lives, so with one app nobody need be asked. For the beginning
 * of an id, and among several apps, the read store knows.
 */
async function identify(
  connection: LogConnection,
  prefix: string,
): Promise<{ app: string; id: string }> {
  if (parseId(prefix)) {
    const [app, ...others] = await deployedApps(connection)
    if (app !== undefined && others.length === 0) return { app, id: prefix }
  }
  const { dispatch } = await connection.api.call('dispatch.get', { id: prefix })
  return { app: dispatch.row.app, id: dispatch.row.id }
}

/** Replays the dispatch's partition up to its last transition, and cuts out what it depended on. */
export async function sliceOf(
  journals: Journals,
  app: string,
  dispatch: string,
  signal?: AbortSignal,
): Promise<Found> {
  const { generation = 0, slot = 0 } = parseId(dispatch) ?? {}
  const id = { app, generation, slot }
  const taker = createSliceTaker(id, dispatch, (await startOf(journals, id)).partition)
  const { partition, after } = await startOf(journals, id)
  const replayer = createReplayer(id, sha256, partition)
  let divergence: Divergence | undefined
  for await (const bundle of journalOf(journals, id, { after, ...(signal && { signal }) })) {
    taker.take(bundle)
    divergence ??= replayer.take(bundle)
    if (taker.ended) break
  }
  const slice = taker.slice()
  if (!slice) throw notKept(dispatch, app)
  const event = await eventOf(journals, slice)
  return { slice: event ? { ...slice, event } : slice, divergence }
}

/** Undefined: retention has removed it. */
async function eventOf({ log }: Journals, slice: Slice): Promise<WaybillEvent | undefined> {
  const first = slice.entries.find(({ role }) => role === 'move')
  const ref = first && refIn(decodeEntry(first.bytes), slice.dispatch)
  if (!ref) return undefined
  const stored = await log.get(streamOf(ref.stream), ref.seq)
  if (!stored || sha256.bytes(stored.bytes) !== ref.hash) return undefined
  const item = decodeBatch(stored.bytes)[ref.index]
  return item && eventIn(decode(item, { bytesMax: 1024 * 1024 }))
}

/** Where the event lies with which a dispatch began, whatever it was that began it. */
function refIn({ input, facts }: Entry, dispatch: string): InputRef | undefined {
  if (input.kind === 'held') return input.place
  if (input.kind === 'event') return input.ref
  for (const fact of facts) {
    if (fact.kind === 'transition' && fact.dispatch === dispatch) return fact.origin?.ref
  }
  return undefined
}

const notKept = (dispatch: string, app: string): CliError =>
  new CliError({
    code: 'WB4108',
    what: 'the journal does not hold the beginning of this dispatch',
    where: `${dispatch} of ${app}`,
    why: 'there is no such dispatch, or it began before what is kept',
    next: `what is known of it: waybill dispatch get ${dispatch}`,
    exitCode: exit.notFound,
  })
