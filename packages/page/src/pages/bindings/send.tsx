import { type EventDraft, typeMatches, type Plain } from '@waybill/core'
import { useId, useState } from 'react'
import { ask } from '../../base/api.ts'
import { useMayAct } from '../../base/session.ts'
import { SchemaForm } from '../../schema/form.tsx'
import { type EventType, useEventTypes } from '../../schema/use-check.ts'
import { CommandDialog, type CommandResult } from '../../ui/command.tsx'
import { JsonEditor } from '../../ui/json-editor.tsx'
import { Empty, Loading } from '../../ui/notice.tsx'
import { type Draft, useDraft } from './draft.ts'
import { Examples } from './examples.tsx'
import { Started } from './started.tsx'

/** A test event that this binding listens to, made from the schema of its type. */
export function SendTest({ app, on }: { readonly app: string; readonly on: readonly string[] }) {
  const { types, known } = useEventTypes(app)
  const fitting = types.filter(({ type }) => on.some((pattern) => typeMatches(pattern, type)))
  // A type that no app registered can be sent too, if it is named whole.
  const plain = on
    .filter((one) => !/[*>]/.test(one) && !types.some(({ type }) => type === one))
    .map((type): EventType => ({ type, schema: {} }))
  const all = [...fitting, ...plain]
  const [chosen, setChosen] = useState<string>()
  const type = all.find((one) => one.type === chosen) ?? all[0]
  if (!known) return <Loading what="event types" />
  if (type === undefined) {
    return (
      <Empty title="No event type to choose from">
        <p>It listens to {on.join(', ')}, and the app registers no type that fits. By hand:</p>
        <pre>{`npx waybill send <type> '{}' --watch`}</pre>
      </Empty>
    )
  }
  return <Sender key={type.type} app={app} type={type} all={all} choose={setChosen} />
}

interface SenderProps {
  readonly app: string
  readonly type: EventType
  readonly all: readonly EventType[]
  readonly choose: (type: string) => void
}

function Sender({ app, type, all, choose }: SenderProps) {
  const draft = useDraft(type)
  const [envelope, setEnvelope] = useState<Envelope>({ source: 'dashboard' })
  const [asking, setAsking] = useState(false)
  const mayAct = useMayAct()
  return (
    <section className="card" aria-label="send a test event">
      <div className="card-head">
        <TypeChoice all={all} chosen={type.type} choose={choose} />
        <span className="push" />
        <Modes draft={draft} />
      </div>
      <form
        className="card-body stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          draft.judge()
          if (draft.problem === undefined && envelope.source !== '') setAsking(true)
          else focusWrong(event.currentTarget)
        }}
      >
        <Examples app={app} type={type} take={draft.take} />
        {draft.mode === 'form' ? (
          <SchemaForm
            schema={type.schema}
            value={draft.value}
            issues={draft.issues}
            change={draft.change}
          />
        ) : (
          <JsonEditor
            label="data"
            text={draft.text}
            read={draft.read}
            issues={draft.issues}
            change={draft.type}
          />
        )}
        <EnvelopeFields envelope={envelope} change={setEnvelope} />
        <div className="spread">
          <button type="submit" className="primary" disabled={!mayAct}>
            Send {type.type} …
          </button>
          <span className={draft.judged ? 'wrong' : 'muted'} role="status">
            {mayAct ? draft.problem : 'Your role may look, not send.'}
          </span>
        </div>
      </form>
      {asking && (
        <SendDialog
          draft={{ type: type.type, data: draft.value as Plain, ...given(envelope) }} // checked JSON
          onClose={() => setAsking(false)}
        />
      )}
    </section>
  )
}

/** Once the wrong ones are marked. */
function focusWrong(form: HTMLFormElement): void {
  requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
}

function Modes({ draft: { hasForm, mode, setMode, read } }: { readonly draft: Draft }) {
  if (!hasForm) return null
  return (
    <div className="spread" role="group" aria-label="how to write it">
      <button
        type="button"
        aria-pressed={mode === 'form'}
        disabled={mode === 'json' && !read.ok}
        onClick={() => setMode('form')}
      >
        Form
      </button>
      <button type="button" aria-pressed={mode === 'json'} onClick={() => setMode('json')}>
        JSON
      </button>
    </div>
  )
}

interface Envelope {
  readonly source: string
  readonly subject?: string
  readonly partitionKey?: string
  readonly dedupeKey?: string
  readonly tenant?: string
}

const given = ({ source, ...others }: Envelope): Envelope => ({
  source,
  ...Object.fromEntries(Object.entries(others).filter(([, value]) => value !== '')),
})

function SendDialog({
  draft,
  onClose,
}: {
  readonly draft: EventDraft
  readonly onClose: () => void
}) {
  const run = async (): Promise<CommandResult> => {
    const { id, duplicate, asOf } = await ask('event.send', { event: draft })
    return {
      count: 1,
      text: duplicate
        ? 'The log had it already, by its dedupe key: nothing new is started.'
        : 'The log has it. What it starts:',
      details: <Started id={id} />,
      asOf,
    }
  }
  return (
    <CommandDialog
      title={`Send ${draft.type}`}
      verb="Send"
      wantsReason={false}
      canDryRun={false}
      run={run}
      onClose={onClose}
    >
      <p className="muted">
        It is an event like any other: every binding that matches it runs, in this system.
      </p>
    </CommandDialog>
  )
}

function TypeChoice({
  all,
  chosen,
  choose,
}: {
  readonly all: readonly EventType[]
  readonly chosen: string
  readonly choose: (type: string) => void
}) {
  if (all.length === 1) return <h2 className="mono">{chosen}</h2>
  return (
    <label>
      <span className="unseen">event type</span>
      <select value={chosen} onChange={({ target }) => choose(target.value)}>
        {all.map(({ type }) => (
          <option key={type}>{type}</option>
        ))}
      </select>
    </label>
  )
}

const envelopeFields = [
  ['source', 'source'],
  ['subject', 'subject'],
  ['partitionKey', 'partition key: same key, kept in order'],
  ['dedupeKey', 'dedupe key: same key, one event'],
  ['tenant', 'tenant'],
] as const

function EnvelopeFields({
  envelope,
  change,
}: {
  readonly envelope: Envelope
  readonly change: (envelope: Envelope) => void
}) {
  const id = useId()
  return (
    <details>
      <summary>Envelope: source {envelope.source === '' ? 'missing' : envelope.source}</summary>
      <div className="fields-grid envelope">
        {envelopeFields.map(([name, label]) => (
          <div key={name} className="field">
            <label htmlFor={`${id}-${name}`}>{label}</label>
            <input
              id={`${id}-${name}`}
              value={envelope[name] ?? ''}
              onChange={({ target }) => change({ ...envelope, [name]: target.value })}
            />
          </div>
        ))}
      </div>
    </details>
  )
}
