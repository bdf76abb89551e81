import type { Plain } from '@waybill/core'
import { useCallback, useId, useState } from 'react'
import { ask } from '../../base/api.ts'
import { useQuery } from '../../base/query.ts'
import { count, number } from '../../base/text.ts'
import { CommandDialog, type CommandResult, type CommandRun } from '../../ui/command.tsx'
import { ProblemNotice } from '../../ui/notice.tsx'
import { DispatchLink } from '../../ui/reference.tsx'
import { OperationProgress } from '../operations/progress.tsx'
import { commandFilter, type DeadFilter, filterText } from './filter.ts'

/** What a command acts on: named ones, or what a filter finds when it is given. */
export interface Target {
  readonly app: string
  readonly ids?: readonly string[]
  readonly filter?: DeadFilter
  /** Instead of the data that it died of; for one only. */
  readonly data?: Plain
}

export type Deed = 'redrive' | 'discard'

/** From here on the number has to be typed. */
const typedFrom = 10

export function DeadDialog({
  deed,
  target,
  onClose,
}: {
  readonly deed: Deed
  readonly target: Target
  readonly onClose: (done: boolean) => void
}) {
  const [version, setVersion] = useState<'active' | 'same'>('active')
  const [rate, setRate] = useState('')
  // The time of asking is the filter's cut-off, for the count and for the command.
  const [meant] = useState(() => meantBy(target, Date.now()))
  const found = useFound(target.app, meant)
  const many = found.data?.matched
  const isRate = rate === '' || (Number(rate) > 0 && Number(rate) <= 100_000)
  const named = many === undefined ? '…' : number(many)
  const run = (asked: CommandRun): Promise<CommandResult> => {
    const command = { app: target.app, ...meant, reason: asked.reason, dryRun: asked.dryRun }
    if (deed === 'discard') return discard(command, asked)
    const more = {
      version,
      ...(rate !== '' && { ratePerSecond: Number(rate) }),
      ...(target.data !== undefined && { data: target.data }),
    }
    return redrive({ ...command, ...more }, asked)
  }
  return (
    <CommandDialog
      title={`${words[deed].verb} ${many === undefined ? 'dead letters' : count(many, 'dead letter')}`}
      verb={`${words[deed].verb} ${named}`}
      danger={deed === 'discard'}
      typed={many !== undefined && many >= typedFrom ? String(many) : undefined}
      blocked={blockedBy(many, isRate)}
      run={run}
      onClose={onClose}
    >
      {found.error && <ProblemNotice problem={found.error} retry={found.refetch} />}
      <dl className="facts">
        <dt>acts on</dt>
        <dd>
          <b>{many === undefined ? 'counting …' : count(many, 'pending dead letter')}</b>
          {(found.data?.declined.length ?? 0) > 0 && (
            <span className="muted"> ({found.data?.declined.length} are not pending any more)</span>
          )}
        </dd>
        <dt>chosen</dt>
        <dd>{target.filter ? `by filter: ${filterText(target.filter)}` : 'one by one'}</dd>
        {target.data !== undefined && (
          <>
            <dt>data</dt>
            <dd>as edited, instead of what it died of; the event keeps its id</dd>
          </>
        )}
        <dt>means</dt>
        <dd className="muted">{words[deed].means}</dd>
      </dl>
      {deed === 'redrive' && (
        <Options
          version={version}
          setVersion={setVersion}
          rate={rate}
          setRate={setRate}
          isRate={isRate}
          many={many ?? 0}
        />
      )}
    </CommandDialog>
  )
}

function blockedBy(many: number | undefined, isRate: boolean): string | undefined {
  if (many === undefined) return 'they are being counted'
  if (many === 0) return 'none of them is pending'
  return isRate ? undefined : 'the rate is not right'
}

const words = {
  redrive: {
    verb: 'Redrive',
    means: 'each runs again as a new dispatch, under the same idempotency key',
  },
  discard: { verb: 'Discard', means: 'nobody will run them again; they stay in the log' },
} as const

type Meant = Pick<Parameters<typeof ask<'dlq.redrive'>>[1], 'ids' | 'filter'>

function meantBy({ ids, filter }: Target, now: number): Meant {
  return ids ? { ids: [...ids] } : { filter: { ...commandFilter(filter ?? {}, now), until: now } }
}

/** A dry run at the door: the number on the button is the server's, not that of a list. */
function useFound(app: string, meant: Meant) {
  const request = { app, ...meant, dryRun: true, reason: 'to count them' }
  const key = `count ${JSON.stringify(request)}`
  const read = useCallback((signal: AbortSignal) => ask('dlq.redrive', request, signal), [key])
  return useQuery(key, read)
}

async function redrive(
  request: Parameters<typeof ask<'dlq.redrive'>>[1],
  { dryRun, signal }: CommandRun,
): Promise<CommandResult> {
  const { matched, started, declined, op, asOf } = await ask('dlq.redrive', request, signal)
  return {
    count: matched,
    text: dryRun
      ? `${count(matched, 'dead letter')} would be redriven.`
      : `${count(matched, 'dead letter')} ${matched === 1 ? 'is' : 'are'} being redriven.`,
    details: (
      <>
        {op !== undefined && <OperationProgress id={op} />}
        <Started pairs={started} />
        <Declined rows={declined} />
      </>
    ),
    asOf,
  }
}

async function discard(
  request: Parameters<typeof ask<'dlq.discard'>>[1],
  { dryRun, signal }: CommandRun,
): Promise<CommandResult> {
  const { matched, declined, op, asOf } = await ask('dlq.discard', request, signal)
  return {
    count: matched,
    text: `${count(matched, 'dead letter')} ${dryRun ? 'would be' : 'given up:'} discarded.`,
    details: (
      <>
        {op !== undefined && <OperationProgress id={op} />}
        <Declined rows={declined} />
      </>
    ),
    asOf,
  }
}

const shownMax = 20

function Started({
  pairs,
}: {
  readonly pairs: readonly { readonly of: string; readonly dispatch: string }[]
}) {
  if (pairs.length === 0) return null
  return (
    <div>
      <h3>started</h3>
      <ul className="ids">
        {pairs.slice(0, shownMax).map(({ dispatch }) => (
          <li key={dispatch}>
            <DispatchLink id={dispatch} />
          </li>
        ))}
      </ul>
      {pairs.length > shownMax && (
        <p className="muted small">and {number(pairs.length - shownMax)} more</p>
      )}
    </div>
  )
}

function Declined({
  rows,
}: {
  readonly rows: readonly { readonly dispatch: string; readonly reason: string }[]
}) {
  if (rows.length === 0) return null
  return (
    <div>
      <h3>declined</h3>
      <ul className="plain-list">
        {rows.slice(0, shownMax).map(({ dispatch, reason }) => (
          <li key={dispatch}>
            <DispatchLink id={dispatch} /> <span className="muted">{reason}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

function Options({
  version,
  setVersion,
  rate,
  setRate,
  isRate,
  many,
}: {
  readonly version: 'active' | 'same'
  readonly setVersion: (version: 'active' | 'same') => void
  readonly rate: string
  readonly setRate: (text: string) => void
  readonly isRate: boolean
  readonly many: number
}) {
  const [versionId, rateId] = [useId(), useId()]
  return (
    <div className="fields-grid">
      <div className="field">
        <label htmlFor={versionId}>by which version</label>
        <select
          id={versionId}
          value={version}
          onChange={({ target }) => setVersion(target.value === 'same' ? 'same' : 'active')}
        >
          <option value="active">the one that is active now</option>
          <option value="same">the one that it died under</option>
        </select>
      </div>
      {many > 1 && (
        <div className="field">
          <label htmlFor={rateId}>at most so many a second; empty: as fast as it goes</label>
          <input
            id={rateId}
            inputMode="decimal"
            value={rate}
            aria-invalid={!isRate}
            onChange={({ target }) => setRate(target.value)}
          />
          {!isRate && <span className="wrong">a number above 0, at most 100,000</span>}
        </div>
      )}
    </div>
  )
}
