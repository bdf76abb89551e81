import { type ReactNode, useEffect, useId, useRef, useState } from 'react'
import type { Problem } from '../base/api.ts'
import { problemOf } from '../base/api.ts'
import { number } from '../base/text.ts'
import { live } from '../live/live.ts'
import type { LiveStep } from '../live/conflate.ts'
import { Icon } from './icon.tsx'
import { Modal } from './modal.tsx'
import { ProblemNotice } from './notice.tsx'

/** What a command says that it did, or would do. */
export interface CommandResult {
  /** How many things it is about. */
  readonly count: number
  /** In words: "12 dispatches would be cancelled". */
  readonly text: string
  /** The first of them, what was declined, a link ... */
  readonly details?: ReactNode
  /** How far the one who answered had read; the sequence under which it was accepted. */
  readonly asOf?: Readonly<Record<string, number>> | undefined
}

export interface CommandRun {
  readonly reason: string
  readonly dryRun: boolean
  /** For what is done piece by piece here. */
  readonly progress: (done: number, total: number) => void
  /** Ends it; what is done stays done. */
  readonly signal: AbortSignal
}

export interface CommandProps {
  readonly title: string
  /** On the button: "Cancel 312 dispatches". */
  readonly verb: string
  readonly danger?: boolean
  /** Without a dry run the first answer is the real one. */
  readonly canDryRun?: boolean
  /** False: the log has no place for one. */
  readonly wantsReason?: boolean
  /** What it will act on: count, filter, cut-off. */
  readonly children?: ReactNode
  /** Names what has to be typed before it may go: many things at once are not done by a slip. */
  readonly typed?: string | undefined
  /** What has to be mended before it may go. */
  readonly blocked?: string | undefined
  readonly run: (run: CommandRun) => Promise<CommandResult>
  /** The step of the log that shows it in force; absent: acceptance is all that there is to see. */
  readonly applied?: ((step: LiveStep) => boolean) | undefined
  readonly onClose: (done: boolean) => void
}

type Phase =
  | { readonly at: 'asking' }
  | { readonly at: 'requested'; readonly dryRun: boolean; readonly done?: number; total?: number }
  | { readonly at: 'shown'; readonly result: CommandResult }
  | { readonly at: 'accepted'; readonly result: CommandResult; readonly applied: boolean }
  | { readonly at: 'failed'; readonly problem: Problem }

/** Every command goes through here: a reason, a dry run, and what the log made of it. */
export function CommandDialog(props: CommandProps) {
  const { title, children, onClose, applied } = props
  const [phase, setPhase] = useState<Phase>({ at: 'asking' })
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const [stop, setStop] = useState<AbortController>()
  const isOver = phase.at === 'accepted'
  useApplied(applied, phase, () =>
    setPhase((now) => (now.at === 'accepted' ? { ...now, applied: true } : now)),
  )
  const send = (dryRun: boolean): void => {
    const controller = new AbortController()
    setStop(controller)
    setPhase({ at: 'requested', dryRun })
    const progress = (done: number, total: number): void =>
      setPhase({ at: 'requested', dryRun, done, total })
    props
      .run({ reason, dryRun, progress, signal: controller.signal })
      .then(
        (result) =>
          setPhase(dryRun ? { at: 'shown', result } : { at: 'accepted', result, applied: false }),
        (thrown: unknown) => setPhase({ at: 'failed', problem: problemOf(thrown) }),
      )
      .catch(() => undefined) // both ways are handled above
  }
  const isGiven = props.wantsReason === false || reason.trim() !== ''
  const mayAsk = props.blocked === undefined && isGiven
  const mayGo = mayAsk && (props.typed === undefined || typed === props.typed)
  return (
    <Modal title={title} onClose={() => onClose(isOver)}>
      <div className="command">
        <fieldset disabled={isOver || phase.at === 'requested'}>{children}</fieldset>
        {!isOver && (
          <Ask {...props} reason={reason} setReason={setReason} text={typed} setText={setTyped} />
        )}
        <Progress phase={phase} waitsForLog={applied !== undefined} />
        <footer className="modal-foot">
          {phase.at === 'requested' && (
            <button type="button" onClick={() => stop?.abort()}>
              Stop
            </button>
          )}
          <Buttons {...props} phase={phase} mayAsk={mayAsk} mayGo={mayGo} send={send} />
        </footer>
      </div>
    </Modal>
  )
}

function Buttons({
  phase,
  mayAsk,
  mayGo,
  send,
  onClose,
  verb,
  danger = false,
  canDryRun = true,
}: CommandProps & {
  readonly phase: Phase
  readonly mayAsk: boolean
  readonly mayGo: boolean
  readonly send: (dryRun: boolean) => void
}) {
  if (phase.at === 'accepted') {
    return (
      <button type="button" className="primary" onClick={() => onClose(true)}>
        Close
      </button>
    )
  }
  const busy = phase.at === 'requested'
  return (
    <>
      <button type="button" className="quiet" onClick={() => onClose(false)}>
        Leave it
      </button>
      {canDryRun && (
        <button type="button" disabled={busy || !mayAsk} onClick={() => send(true)}>
          Dry run
        </button>
      )}
      <button
        type="button"
        className={danger ? 'danger' : 'primary'}
        disabled={busy || !mayGo}
        onClick={() => send(false)}
      >
        {verb}
      </button>
    </>
  )
}

function Ask({
  reason,
  setReason,
  text,
  setText,
  typed,
  wantsReason = true,
}: {
  readonly reason: string
  readonly setReason: (text: string) => void
  readonly text: string
  readonly setText: (text: string) => void
  readonly typed?: string | undefined
  readonly wantsReason?: boolean
}) {
  const [reasonId, typedId] = [useId(), useId()]
  return (
    <>
      {wantsReason && (
        <div className="field">
          <label htmlFor={reasonId}>Reason</label>
          <input
            id={reasonId}
            value={reason}
            required
            maxLength={1024}
            placeholder="stands in the log, with your name"
            data-autofocus=""
            onChange={({ target }) => setReason(target.value)}
          />
        </div>
      )}
      {typed !== undefined && (
        <div className="field">
          <label htmlFor={typedId}>
            Type <b className="mono">{typed}</b> to go on
          </label>
          <input id={typedId} value={text} onChange={({ target }) => setText(target.value)} />
        </div>
      )}
    </>
  )
}

/** requested -> accepted at a sequence -> applied: never a guess shown as done. */
function Progress({
  phase,
  waitsForLog,
}: {
  readonly phase: Phase
  readonly waitsForLog: boolean
}) {
  switch (phase.at) {
    case 'asking':
      return null
    case 'failed':
      return <ProblemNotice problem={phase.problem} />
    case 'requested':
      return (
        <div className="command-steps" role="status">
          <Step name={phase.dryRun ? 'counting' : 'requested'} done={false} />
          {phase.total !== undefined && (
            <progress value={phase.done} max={phase.total} aria-label="progress" />
          )}
          {phase.total !== undefined && (
            <span className="muted">
              {number(phase.done ?? 0)} of {number(phase.total)}
            </span>
          )}
        </div>
      )
    case 'shown':
      return (
        <div className="notice" data-tone="queued" role="status">
          <Icon name="question" />
          <div className="notice-text">
            <strong>Dry run: {phase.result.text}</strong>
            <span className="muted">Nothing was changed.</span>
            {phase.result.details}
          </div>
        </div>
      )
    case 'accepted':
      return (
        <>
          <div className="command-steps" role="status">
            <Step name="requested" done />
            <Step name={`accepted${seqText(phase.result.asOf)}`} done />
            {waitsForLog && <Step name="applied" done={phase.applied} />}
          </div>
          <p>{phase.result.text}</p>
          {phase.result.details}
        </>
      )
  }
}

const Step = ({ name, done }: { readonly name: string; readonly done: boolean }) => (
  <span className="command-step" data-done={done}>
    <Icon name={done ? 'check' : 'clock'} size={14} /> {name}
  </span>
)

function seqText(asOf: CommandResult['asOf']): string {
  const [seq] = Object.values(asOf ?? {}).sort((a, b) => b - a)
  return seq === undefined ? '' : ` at ${seq}`
}

/** More than these are not the answer to one command. */
const heardMax = 5000

/** The log may tell of it before the answer is here, so what passes meanwhile is kept. */
function useApplied(applied: CommandProps['applied'], phase: Phase, done: () => void): void {
  const heard = useRef<LiveStep[]>([])
  const latest = useRef(applied)
  latest.current = applied
  const isListening = phase.at === 'requested' || phase.at === 'accepted'
  useEffect(() => {
    if (!isListening) return undefined
    heard.current = []
    return live.hear(({ steps }) => {
      heard.current = [...heard.current, ...steps].slice(-heardMax)
      if (steps.some((step) => latest.current?.(step))) done()
    })
  }, [isListening])
  const isWaiting = phase.at === 'accepted' && !phase.applied
  useEffect(() => {
    if (isWaiting && applied && heard.current.some(applied)) done()
  })
}
