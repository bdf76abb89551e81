import { useId, useState } from 'react'
import type { DispatchState } from '@waybill/core'
import { ask } from '../../base/api.ts'
import { useAskEach } from '../../base/query.ts'
import { Link } from '../../base/router.tsx'
import { count, moment, number, shortId } from '../../base/text.ts'
import { CommandDialog, type CommandResult, type CommandRun } from '../../ui/command.tsx'
import { isOpenState, State } from '../../ui/state.tsx'
import { countByState } from './rows.ts'

/** What a command in bulk acts on: these and nothing else, whatever comes later. */
export interface Chosen {
  readonly id: string
  readonly app: string
  readonly state: DispatchState
}

export type BulkDeed = 'cancel' | 'redrive'

interface BulkProps {
  readonly deed: BulkDeed
  readonly chosen: readonly Chosen[]
  /** The filter that they were chosen by, in words; undefined: one by one. */
  readonly filter: string | undefined
  readonly chosenAt: number
  readonly onClose: (done: boolean) => void
}

/** From here on the number has to be typed. */
const typedFrom = 10

export const meant = (deed: BulkDeed, chosen: readonly Chosen[]): Chosen[] =>
  chosen.filter(({ state }) => (deed === 'cancel' ? isOpenState(state) : state === 'dlq'))

export function BulkDialog({ deed, chosen, filter, chosenAt, onClose }: BulkProps) {
  const some = meant(deed, chosen)
  const verb = deed === 'cancel' ? 'Cancel' : 'Redrive'
  const left = chosen.length - some.length
  const [rate, setRate] = useState('')
  return (
    <CommandDialog
      title={`${verb} ${count(some.length, 'dispatch', 'dispatches')}`}
      verb={`${verb} ${number(some.length)}`}
      danger={deed === 'cancel'}
      typed={some.length >= typedFrom ? String(some.length) : undefined}
      run={(run) => (deed === 'cancel' ? cancelAll(some, run) : redriveAll(some, run, rate))}
      onClose={onClose}
    >
      <dl className="facts">
        <dt>acts on</dt>
        <dd>
          <b>{count(some.length, 'dispatch', 'dispatches')}</b>
          {left > 0 && (
            <span className="muted">
              {' '}
              of {number(chosen.length)}; the others are{' '}
              {deed === 'cancel' ? 'at their end already' : 'not dead letters'}
            </span>
          )}
        </dd>
        <dt>states</dt>
        <dd className="spread">
          {[...countByState(some)].map(([state, many]) => (
            <span key={state}>
              <State state={state} plain /> {number(many)}
            </span>
          ))}
        </dd>
        <dt>chosen</dt>
        <dd>{filter === undefined ? 'one by one' : `by filter: ${filter}`}</dd>
        <dt>cut-off</dt>
        <dd>{moment(chosenAt, Date.now())}: what came later is not meant</dd>
      </dl>
      {deed === 'redrive' && <Rate rate={rate} change={setRate} />}
    </CommandDialog>
  )
}

interface Declined {
  readonly id: string
  readonly why: string
}

function Rate({
  rate,
  change,
}: {
  readonly rate: string
  readonly change: (rate: string) => void
}) {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>At most so many a second</label>
      <input
        id={id}
        type="number"
        min={1}
        max={100_000}
        placeholder="no limit"
        value={rate}
        onChange={({ target }) => change(target.value)}
      />
    </div>
  )
}

const idsPerRequest = 1000

/** By id, not by filter: what came since, and fits it too, is not meant. */
async function cancelAll(chosen: readonly Chosen[], run: CommandRun): Promise<CommandResult> {
  const { reason, dryRun, signal, progress } = run
  const ops: string[] = []
  let done = 0
  let acted = 0
  let asOf: CommandResult['asOf']
  for (const { app, ids } of batchesOf(chosen, idsPerRequest)) {
    if (signal.aborted) break
    const answer = await ask('dispatch.cancelMany', { app, ids, reason, dryRun }, signal)
    if (answer.op !== undefined) ops.push(answer.op)
    acted += answer.matched
    done += ids.length
    asOf = answer.asOf
    progress(done, chosen.length)
  }
  const tally = { total: chosen.length, done, acted, declined: [], asOf }
  return resultOf(tally, run, 'cancelled', ops)
}

/** Each app answers for itself. */
function* batchesOf(chosen: readonly Chosen[], size: number) {
  for (const [app, some] of Map.groupBy(chosen, (one) => one.app)) {
    for (let at = 0; at < some.length; at += size) {
      yield { app, ids: some.slice(at, at + size).map(({ id }) => id) }
    }
  }
}

async function redriveAll(
  chosen: readonly Chosen[],
  run: CommandRun,
  rate: string,
): Promise<CommandResult> {
  const pace = Number(rate) > 0 ? { ratePerSecond: Number(rate) } : {}
  const { reason, dryRun, signal, progress } = run
  const declined: Declined[] = []
  const ops: string[] = []
  let done = 0
  let acted = 0
  let asOf: CommandResult['asOf']
  for (const { app, ids } of batchesOf(chosen, idsPerRequest)) {
    if (signal.aborted) break
    const answer = await ask('dlq.redrive', { app, ids, reason, dryRun, ...pace }, signal)
    if (answer.op !== undefined) ops.push(answer.op)
    declined.push(...answer.declined.map((one) => ({ id: one.dispatch, why: one.reason })))
    acted += answer.matched - answer.declined.length
    done += ids.length
    asOf = answer.asOf
    progress(done, chosen.length)
  }
  return resultOf({ total: chosen.length, done, acted, declined, asOf }, run, 'redriven', ops)
}

interface Tally {
  readonly total: number
  readonly done: number
  readonly acted: number
  readonly declined: readonly Declined[]
  readonly asOf: CommandResult['asOf']
}

function resultOf(
  tally: Tally,
  { dryRun }: CommandRun,
  what: string,
  ops: readonly string[],
): CommandResult {
  const { total, done, acted, declined, asOf } = tally
  const isGoingOn = !dryRun && ops.length > 0
  const verb = dryRun ? 'would be' : isGoingOn ? 'are being' : 'were'
  const not = declined.length > 0 ? `, ${number(declined.length)} declined` : ''
  const stopped = done < total ? `; stopped after ${number(done)} of ${number(total)}` : ''
  return {
    count: acted,
    text: `${count(acted, 'dispatch', 'dispatches')} ${verb} ${what}${not}${stopped}.`,
    details: (
      <>
        {isGoingOn && <OperationsProgress ops={ops} />}
        {declined.length > 0 && <DeclinedList declined={declined} />}
      </>
    ),
    asOf,
  }
}

/** It goes on by itself, whether one looks or not. */
function OperationsProgress({ ops }: { readonly ops: readonly string[] }) {
  return ops.map((id) => <OperationProgress key={id} id={id} />)
}

function OperationProgress({ id }: { readonly id: string }) {
  const { data } = useAskEach('op.list', { id }, { everyMs: 500 })
  const one = data?.flatMap(({ operations }) => operations)[0]
  return (
    <div className="spread">
      <progress
        value={one?.done ?? 0}
        max={Math.max(1, one?.total ?? 1)}
        aria-label="progress of the operation"
      />
      {one && <State state={one.state} plain />}
      <span className="muted num">{one ? `${number(one.done)} of ${number(one.total)}` : ''}</span>
      <Link to={`/operations?id=${id}`}>The operation</Link>
    </div>
  )
}

function DeclinedList({ declined }: { readonly declined: readonly Declined[] }) {
  return (
    <ul className="declined">
      {declined.slice(0, 50).map(({ id, why }) => (
        <li key={id}>
          <Link to={`/dispatches/${id}`} className="mono">
            {shortId(id)}
          </Link>{' '}
          <span className="muted">{why}</span>
        </li>
      ))}
      {declined.length > 50 && <li className="muted">and {number(declined.length - 50)} more</li>}
    </ul>
  )
}
