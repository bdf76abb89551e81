import { type EventDraft, typeMatches, type Plain } from '@waybill/core'
import { useId, useMemo, useState } from 'react'
import { ask } from '../../base/api.ts'
import { hasHidden, jsonText, readJson } from '../../base/json-text.ts'
import { useMayAct } from '../../base/session.ts'
import { SchemaForm } from '../../schema/form.tsx'
import { sampleOf } from '../../schema/fields.ts'
import { type EventType, useCheck, useEventTypes } from '../../schema/use-check.ts'
import { CommandDialog, type CommandResult } from '../../ui/command.tsx'
import { Issues, JsonEditor } from '../../ui/json-editor.tsx'
import { Empty, Loading } from '../../ui/notice.tsx'
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

function Sender({
  app,
  type,
  all,
  choose,
}: {
  readonly app: string
  readonly type: EventType
  readonly all: readonly EventType[]
  readonly choose: (type: string) => void
}) {
  const { schema } = type
  const hasForm = schema.properties !== undefined
  const [mode, setMode] = useState<'form' | 'json'>(hasForm ? 'form' : 'json')
  const [data, setData] = useState<unknown>(() => sampleOf(schema) ?? {})
  const [text, setText] = useState(() => jsonText(data))
  const [envelope, setEnvelope] = useState<Envelope>({ source: 'dashboard' })
  const [asking, setAsking] = useState(false)
  const check = useCheck(schema)
  const read = useMemo(() => readJson(text), [text])
  const value = mode === 'form' ? data : read.ok ? read.value : undefined
  const issues = value === undefined || !check ? [] : check(value)
  const isHidden = hasHidden(value)
  const mayAct = useMayAct()
  const isRight = value !== undefined && issues.length === 0 && !isHidden && envelope.source !== ''
  const take = (next: unknown): void => {
    setData(next)
    setText(jsonText(next))
  }
  const change = (to: 'form' | 'json'): void => {
    if (to === 'json') setText(jsonText(data))
    else if (read.ok) setData(read.value)
    setMode(to)
  }
  return (
    <section className="card" aria-label="send a test event">
      <div className="card-head">
        <TypeChoice all={all} chosen={type.type} choose={choose} />
        <span className="push" />
        {hasForm && (
          <div className="spread" role="group" aria-label="how to write it">
            <button
              type="button"
              aria-pressed={mode === 'form'}
              disabled={mode === 'json' && !read.ok}
              onClick={() => change('form')}
            >
              Form
            </button>
            <button type="button" aria-pressed={mode === 'json'} onClick={() => change('json')}>
              JSON
            </button>
          </div>
        )}
      </div>
      <div className="card-body stack">
        <Examples app={app} type={type} take={take} />
        {mode === 'form' ? (
          <SchemaForm schema={schema} value={data} issues={issues} change={setData} />
        ) : (
          <JsonEditor label="data" text={text} read={read} issues={issues} change={setText} />
        )}
        <EnvelopeFields envelope={envelope} change={setEnvelope} />
        {mode === 'form' && issues.length > 0 && (
          <div role="status">
            <Issues issues={issues} />
          </div>
        )}
        {isHidden && (
          <p className="wrong">
            Parts of this example are hidden from you ([redacted]): type something in their place.
          </p>
        )}
        <div className="spread">
          <button
            type="button"
            className="primary"
            disabled={!isRight || !mayAct}
            onClick={() => setAsking(true)}
          >
            Send {type.type} …
          </button>
          {!mayAct && <span className="muted">Your role may look, not send.</span>}
        </div>
      </div>
      {asking && (
        <SendDialog
          draft={{ type: type.type, data: value as Plain, ...given(envelope) }} // JSON, as checked
          onClose={() => setAsking(false)}
        />
      )}
    </section>
  )
}

interface Envelope {
  readonly source: string
  readonly subject?: string
  readonly partitionKey?: string
  readonly dedupeKey?: string
  readonly tenant?: string
}

const given = (envelope: Envelope): Envelope =>
  Object.fromEntries(
    Object.entries(envelope).filter(([, value]) => value !== ''),
  ) as never as Envelope // fewer of its own fields

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
