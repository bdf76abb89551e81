import type { Plain } from '@waybill/core'
import { useCallback, useId, useState } from 'react'
import { ask } from '../../base/api.ts'
import { useQuery } from '../../base/query.ts'
import { count, number } from '../../base/text.ts'
import { CommandDialog, type CommandResult, type CommandRun } from '../../ui/command.tsx'
import { Facts } from '../../ui/facts.tsx'
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
  const [options, setOptions] = useState<RunOptions>({ version: 'active', rate: '' })
  // The time of asking is the filter's cut-off, for the count and for the command.
  const [meant] = useState(() => meantBy(target, Date.now()))
  const found = useFound(target.app, meant)
  const many = found.data?.matched
  const { means } = words[deed]
  return (
    <CommandDialog
      {...named(deed, many)}
      danger={deed === 'discard'}
      blocked={blockedBy(many, options)}
      run={(asked) => act(deed, target, meant, options, asked)}
      onClose={onClose}
    >
      {found.error && <ProblemNotice problem={found.error} retry={found.refetch} />}
      <Facts
        rows={[
          ['acts on', <Count many={many} declined={found.data?.declined.length ?? 0} />],
          ['chosen', target.filter ? `by filter: ${filterText(target.filter)}` : 'one by one'],
          [
            'data',
            target.data !== undefined &&
              'as edited, instead of what it died of; the event keeps its id',
          ],
          ['means', <span className="muted">{means}</span>],
        ]}
      />
      {deed === 'redrive' && <Options options={options} change={setOptions} many={many ?? 0} />}
    </CommandDialog>
  )
}

function Count({
  many,
  declined,
}: {
  readonly many: number | undefined
  readonly declined: number
}) {
  return (
    <>
      <b>{many === undefined ? 'counting …' : count(many, 'pending dead letter')}</b>
      {declined > 0 && <span className="muted"> ({declined} are not pending any more)</span>}
    </>
  )
}

/** The number is on the button, and typed when it is large. */
function named(deed: Deed, many: number | undefined) {
  const { verb } = words[deed]
  if (many === undefined) return { title: `${verb} dead letters`, verb: `${verb} …` }
  return {
    title: `${verb} ${count(many, 'dead letter')}`,
    verb: `${verb} ${number(many)}`,
    typed: many >= typedFrom ? String(many) : undefined,
  }
}

interface RunOptions {
  readonly version: 'active' | 'same'
  /** As typed. */
  readonly rate: string
}

const isRate = (rate: string): boolean =>
  rate === '' || (Number(rate) > 0 && Number(rate) <= 100_000)

function blockedBy(many: number | undefined, { rate }: RunOptions): string | undefined {
  if (many === undefined) return 'they are being counted'
  if (many === 0) return 'none of them is pending'
  return isRate(rate) ? undefined : 'the rate is not right'
}

function act(
  deed: Deed,
  { app, data }: Target,
  meant: Meant,
  { version, rate }: RunOptions,
  asked: CommandRun,
): Promise<CommandResult> {
  const command = { app, ...meant, reason: asked.reason, dryRun: asked.dryRun }
  if (deed === 'discard') return discard(command, asked)
  const more = {
    version,
    ...(rate !== '' && { ratePerSecond: Number(rate) }),
    ...(data !== undefined && { data }),
  }
  return redrive({ ...command, ...more }, asked)
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
  options,
  change,
  many,
}: {
  readonly options: RunOptions
  readonly change: (options: RunOptions) => void
  readonly many: number
}) {
  const [versionId, rateId] = [useId(), useId()]
  const isRight = isRate(options.rate)
  return (
    <div className="fields-grid">
      <div className="field">
        <label htmlFor={versionId}>by which version</label>
        <select
          id={versionId}
          value={options.version}
          onChange={({ target: { value } }) =>
            change({ ...options, version: value === 'same' ? 'same' : 'active' })
          }
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
            value={options.rate}
            aria-invalid={!isRight}
            aria-describedby={isRight ? undefined : `${rateId}-wrong`}
            onChange={({ target }) => change({ ...options, rate: target.value })}
          />
          {!isRight && (
            <span id={`${rateId}-wrong`} className="wrong">
              a number above 0, at most 100,000
            </span>
          )}
        </div>
      )}
    </div>
  )
}
