import { useId, useState } from 'react'
import { fromJson, toJson } from '@waybill/api'
import type { Plain } from '@waybill/core'
import { ask } from '../../base/api.ts'
import { Link } from '../../base/router.tsx'
import { useMayAct } from '../../base/session.ts'
import { shortId } from '../../base/text.ts'
import type { LiveStep } from '../../live/conflate.ts'
import { CommandDialog, type CommandResult, type CommandRun } from '../../ui/command.tsx'
import { copyText } from '../../ui/copy.tsx'
import { Icon } from '../../ui/icon.tsx'
import { isOpenState } from '../../ui/state.tsx'
import type { Detail } from './dispatch.tsx'

type Deed = 'cancel' | 'rerun' | 'redrive'

/** What can be done to a dispatch in this state; the server has the last word. */
export function Actions({ detail }: { readonly detail: Detail }) {
  const [deed, setDeed] = useState<Deed>()
  const mayAct = useMayAct()
  const { state } = detail.dispatch.row
  const close = (): void => setDeed(undefined)
  return (
    <div className="spread">
      {mayAct && isOpenState(state) && (
        <button type="button" onClick={() => setDeed('cancel')}>
          <Icon name="stop" size={14} /> Cancel …
        </button>
      )}
      {mayAct && !isOpenState(state) && (
        <button type="button" onClick={() => setDeed('rerun')}>
          <Icon name="retry" size={14} /> Rerun …
        </button>
      )}
      {mayAct && state === 'dlq' && (
        <button type="button" className="primary" onClick={() => setDeed('redrive')}>
          <Icon name="undo" size={14} /> Redrive …
        </button>
      )}
      <button type="button" onClick={() => copyText(location.href, 'Copied the link')}>
        <Icon name="link" size={14} /> Copy link
      </button>
      {deed === 'cancel' && <Cancel detail={detail} onClose={close} />}
      {deed === 'rerun' && <Rerun detail={detail} onClose={close} />}
      {deed === 'redrive' && <Redrive detail={detail} onClose={close} />}
    </div>
  )
}

interface DeedProps {
  readonly detail: Detail
  readonly onClose: () => void
}

function Cancel({ detail, onClose }: DeedProps) {
  const { id, app } = detail.dispatch.row
  const run = async ({ reason, dryRun, signal }: CommandRun): Promise<CommandResult> => {
    const target = { kind: 'dispatch', dispatch: id } as const
    const answer = await ask('dispatch.cancel', { app, target, reason, dryRun }, signal)
    const count = answer.dispatches
    const text =
      count === 0 ? 'It had ended before.' : `It ${dryRun ? 'would be' : 'is'} cancelled.`
    return { count, text, asOf: answer.asOf }
  }
  const applied = ({ dispatch, to }: LiveStep): boolean => dispatch === id && !isOpenState(to)
  return (
    <CommandDialog
      title={`Cancel ${shortId(id)}`}
      verb="Cancel it"
      danger
      run={run}
      applied={applied}
      onClose={onClose}
    >
      <p className="muted">
        A running handler is told to stop; what it has done outside stays done.
      </p>
    </CommandDialog>
  )
}

type Version = 'active' | 'same'

function Versions({
  version,
  choose,
}: {
  readonly version: Version
  readonly choose: (version: Version) => void
}) {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>Version of the binding</label>
      <select id={id} value={version} onChange={({ target }) => choose(target.value as Version)}>
        <option value="active">the one that is active now</option>
        <option value="same">the one that it ran under</option>
      </select>
    </div>
  )
}

function Rerun({ detail, onClose }: DeedProps) {
  const { id, app } = detail.dispatch.row
  const [version, setVersion] = useState<Version>('active')
  const [started, setStarted] = useState<string>()
  const run = async ({ reason, dryRun, signal }: CommandRun): Promise<CommandResult> => {
    const answer = await ask('dispatch.rerun', { app, id, version, reason, dryRun }, signal)
    setStarted(answer.dispatch)
    return {
      count: 1,
      text: `${dryRun ? 'It would run' : 'It runs'} again as a new dispatch of ${answer.binding}.`,
      details: answer.dispatch === undefined ? undefined : <Started id={answer.dispatch} />,
      asOf: answer.asOf,
    }
  }
  return (
    <CommandDialog
      title={`Rerun ${shortId(id)}`}
      verb="Rerun it"
      run={run}
      applied={({ dispatch }) => started !== undefined && dispatch === started}
      onClose={onClose}
    >
      <p className="muted">
        The same event runs again as a new dispatch with a key of its own; this one stays as it is.
      </p>
      <Versions version={version} choose={setVersion} />
    </CommandDialog>
  )
}

const Started = ({ id }: { readonly id: string }) => (
  <Link to={`/dispatches/${id}`}>
    Open <span className="mono">{shortId(id)}</span>
  </Link>
)

function Redrive({ detail, onClose }: DeedProps) {
  const { id, app } = detail.dispatch.row
  const before = detail.event === undefined ? '' : pretty(detail.event.data)
  const [version, setVersion] = useState<Version>('active')
  const [text, setText] = useState(before)
  const [started, setStarted] = useState<string>()
  const fault = faultIn(text)
  const isEdited = text !== before
  const run = async ({ reason, dryRun, signal }: CommandRun): Promise<CommandResult> => {
    const data = isEdited ? { data: fromJson(text) as Plain } : {} // JSON, so plain
    const answer = await ask(
      'dlq.redrive',
      { app, ids: [id], version, reason, dryRun, ...data },
      signal,
    )
    const [one] = answer.started
    const [declined] = answer.declined
    setStarted(one?.dispatch)
    return {
      count: answer.matched,
      text: declined
        ? `Declined: ${declined.reason} (${declined.code}).`
        : `${dryRun ? 'It would be' : 'It is'} redriven${isEdited ? ' with the edited payload' : ''}.`,
      details: one ? <Started id={one.dispatch} /> : undefined,
      asOf: answer.asOf,
    }
  }
  return (
    <CommandDialog
      title={`Redrive ${shortId(id)}`}
      verb={isEdited ? 'Redrive with the edit' : 'Redrive it'}
      run={run}
      applied={({ dispatch }) => started !== undefined && dispatch === started}
      onClose={onClose}
      blocked={fault}
    >
      <p className="muted">
        It runs again as a new dispatch under the same idempotency key, linked to this one.
      </p>
      <Versions version={version} choose={setVersion} />
      <Payload text={text} change={setText} before={before} fault={fault} />
    </CommandDialog>
  )
}

function Payload({
  text,
  change,
  before,
  fault,
}: {
  readonly text: string
  readonly change: (text: string) => void
  readonly before: string
  readonly fault: string | undefined
}) {
  const id = useId()
  const isEdited = text !== before
  return (
    <div className="field">
      <div className="spread">
        <label htmlFor={id}>Payload</label>
        {isEdited && <b>edited</b>}
        {isEdited && (
          <button type="button" className="quiet" onClick={() => change(before)}>
            As it was
          </button>
        )}
      </div>
      <textarea
        id={id}
        className="mono"
        rows={12}
        spellCheck={false}
        value={text}
        aria-invalid={fault !== undefined}
        onChange={({ target }) => change(target.value)}
      />
      {fault !== undefined && <span className="fault">{fault}</span>}
    </div>
  )
}

const pretty = (data: unknown): string => JSON.stringify(JSON.parse(toJson(data)), null, 2)

function faultIn(text: string): string | undefined {
  try {
    fromJson(text)
    return undefined
  } catch (cause) {
    return `this is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}
