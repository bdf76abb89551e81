import type { DispatchState } from '@waybill/core'
import { ask, type Problem, problemOf } from '../../base/api.ts'
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
  return (
    <CommandDialog
      title={`${verb} ${count(some.length, 'dispatch', 'dispatches')}`}
      verb={`${verb} ${number(some.length)}`}
      danger={deed === 'cancel'}
      typed={some.length >= typedFrom ? String(some.length) : undefined}
      run={(run) => (deed === 'cancel' ? cancelAll(some, run) : redriveAll(some, run))}
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
    </CommandDialog>
  )
}

interface Declined {
  readonly id: string
  readonly why: string
}

const atOnce = 8

/** One by one, so that a failure of one stops none of the others, and the list is exact. */
async function cancelAll(chosen: readonly Chosen[], run: CommandRun): Promise<CommandResult> {
  const declined: Declined[] = []
  let done = 0
  let cancelled = 0
  let asOf: CommandResult['asOf']
  const left = chosen.values()
  const { reason, dryRun, signal } = run
  const worker = async (): Promise<void> => {
    for (const { id, app } of left) {
      if (signal.aborted) return
      const target = { kind: 'dispatch', dispatch: id } as const
      try {
        const answer = await ask('dispatch.cancel', { app, target, reason, dryRun }, signal)
        if (answer.dispatches > 0) cancelled += 1
        else declined.push({ id, why: 'it had ended before' })
        asOf = answer.asOf
      } catch (thrown) {
        if (signal.aborted) return
        declined.push({ id, why: whyText(problemOf(thrown)) })
      }
      run.progress(++done, chosen.length)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return resultOf(
    { total: chosen.length, done, acted: cancelled, declined, asOf },
    run,
    'cancelled',
  )
}

const redrivesPerRequest = 500

async function redriveAll(chosen: readonly Chosen[], run: CommandRun): Promise<CommandResult> {
  const declined: Declined[] = []
  let done = 0
  let acted = 0
  let asOf: CommandResult['asOf']
  const { reason, dryRun, signal } = run
  for (const [app, some] of Map.groupBy(chosen, (one) => one.app)) {
    for (let at = 0; at < some.length && !signal.aborted; at += redrivesPerRequest) {
      const ids = some.slice(at, at + redrivesPerRequest).map(({ id }) => id)
      const answer = await ask('dlq.redrive', { app, ids, reason, dryRun }, signal)
      declined.push(...answer.declined.map((one) => ({ id: one.dispatch, why: one.reason })))
      acted += answer.matched - answer.declined.length
      done += ids.length
      asOf = answer.asOf
      run.progress(done, chosen.length)
    }
  }
  return resultOf({ total: chosen.length, done, acted, declined, asOf }, run, 'redriven')
}

interface Tally {
  readonly total: number
  readonly done: number
  readonly acted: number
  readonly declined: readonly Declined[]
  readonly asOf: CommandResult['asOf']
}

function resultOf(tally: Tally, { dryRun }: CommandRun, what: string): CommandResult {
  const { total, done, acted, declined, asOf } = tally
  const stopped = done < total ? `; stopped after ${number(done)} of ${number(total)}` : ''
  return {
    count: acted,
    text: `${count(acted, 'dispatch', 'dispatches')} ${dryRun ? 'would be' : 'were'} ${what}, ${number(declined.length)} declined${stopped}.`,
    details: declined.length === 0 ? undefined : <DeclinedList declined={declined} />,
    asOf,
  }
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

const whyText = ({ body }: Problem): string => body.why ?? body.what
