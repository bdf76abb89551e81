import { type Operation, operationsOf } from '@waybill/api'
import { useState } from 'react'
import { askEach } from '../../base/api.ts'
import { useAskEach } from '../../base/query.ts'
import { Link } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { useMayAct } from '../../base/session.ts'
import { number } from '../../base/text.ts'
import { CommandDialog, type CommandResult, type CommandRun } from '../../ui/command.tsx'
import { State } from '../../ui/state.tsx'

/** How far work in bulk has come, followed to its end. */
export function OperationProgress({ id }: { readonly id: string }) {
  const [isOver, setOver] = useState(false)
  const { data } = useAskEach('op.list', { id }, isOver ? {} : { everyMs: 500 })
  const [operation] = operationsOf(data ?? [])
  if (operation !== undefined && operation.state !== 'running' && !isOver) setOver(true)
  return (
    <div className="spread" role="status">
      {operation === undefined ? (
        <span className="muted">asking how far it has come …</span>
      ) : (
        <Progress operation={operation} />
      )}
      <Link to={href('/operations', { op: id })}>show the operation</Link>
    </div>
  )
}

export function Progress({ operation }: { readonly operation: Operation }) {
  const { state, done, declined, total } = operation
  const shown = Math.min(done + declined, total)
  return (
    <span className="op-progress">
      <State state={state} />
      {total > 1 && <progress value={shown} max={total} aria-label="progress" />}
      <span className="num">
        {number(done)} of {number(total)}
        {declined > 0 && <span className="muted">, {number(declined)} declined</span>}
      </span>
    </span>
  )
}

/** Stops work in bulk. */
export function CancelButton({
  operation,
  onDone,
}: {
  readonly operation: Operation
  readonly onDone: () => void
}) {
  const [asking, setAsking] = useState(false)
  const mayAct = useMayAct()
  const { id, kind, state, done, total } = operation
  if (!mayAct || state !== 'running') return null
  const run = async ({ reason, signal }: CommandRun): Promise<CommandResult> => {
    const answers = await askEach('op.cancel', { id, reason }, signal)
    const isCancelled = answers.some(({ cancelled }) => cancelled)
    return {
      count: isCancelled ? 1 : 0,
      text: isCancelled
        ? 'It stops with the part that it is at. What is done stays done.'
        : 'Nobody runs it any more: it had ended before.',
      asOf: answers[0]?.asOf,
    }
  }
  return (
    <>
      <button type="button" onClick={() => setAsking(true)}>
        Cancel …
      </button>
      {asking && (
        <CommandDialog
          title={`Cancel ${kind}`}
          verb="Cancel it"
          danger
          canDryRun={false}
          run={run}
          onClose={() => {
            setAsking(false)
            onDone()
          }}
        >
          <p>
            {number(done)} of {number(total)} are done and stay done.
          </p>
        </CommandDialog>
      )}
    </>
  )
}
