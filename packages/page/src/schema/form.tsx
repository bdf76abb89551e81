import { useId, useState } from 'react'
import { jsonText, readJson } from '../base/json-text.ts'
import { Icon } from '../ui/icon.tsx'
import type { Issue } from './check.ts'
import {
  choicesOf,
  kindOf,
  type Path,
  pathText,
  resolved,
  sampleOf,
  type Schema,
  valueAt,
  withAt,
} from './fields.ts'

interface FormProps {
  readonly schema: Schema
  readonly value: unknown
  readonly issues: readonly Issue[]
  readonly change: (value: unknown) => void
}

/** A form made from a JSON Schema. Parts that no control fits are typed as JSON. */
export function SchemaForm({ schema, value, issues, change }: FormProps) {
  const form: Form = {
    root: schema,
    value,
    issuesAt: (path) =>
      issues.filter((one) => one.path === pathText(path)).map(({ message }) => message),
    set: (path, part) => change(withAt(value, path, part)),
  }
  return <Part form={form} schema={schema} path={[]} name="data" required />
}

interface Form {
  readonly root: Schema
  readonly value: unknown
  readonly issuesAt: (path: Path) => readonly string[]
  readonly set: (path: Path, part: unknown) => void
}

interface PartProps {
  readonly form: Form
  readonly schema: Schema
  readonly path: Path
  readonly name: string
  readonly required: boolean
}

function Part(props: PartProps) {
  const schema = resolved(props.schema, props.form.root)
  const part = { ...props, schema }
  switch (kindOf(schema)) {
    case 'object':
      return <ObjectPart {...part} />
    case 'list':
      return <ListPart {...part} />
    case 'choice':
      return <ChoicePart {...part} choices={choicesOf(schema) ?? []} />
    case 'flag':
      return <ChoicePart {...part} choices={[true, false]} />
    case 'number':
      return <TypedPart {...part} read={readNumber} isNumber />
    case 'text':
      return <TypedPart {...part} read={readText} />
    case 'raw':
      return <RawPart {...part} />
  }
}

function ObjectPart({ form, schema, path, name, required }: PartProps) {
  const isThere = required || valueAt(form.value, path) !== undefined
  const fields = Object.entries(schema.properties ?? {})
  const inner = fields.map(([key, one]) => (
    <Part
      key={key}
      form={form}
      schema={one}
      path={[...path, key]}
      name={key}
      required={schema.required?.includes(key) === true}
    />
  ))
  if (path.length === 0) {
    return (
      <div className="form-parts">
        {inner}
        <Wrong messages={form.issuesAt(path)} />
      </div>
    )
  }
  return (
    <fieldset className="form-group">
      <legend>
        {name} <Note schema={schema} required={required} />
        {!required && (
          <button
            type="button"
            className="quiet"
            onClick={() =>
              form.set(path, isThere ? undefined : (sampleOf(schema, form.root) ?? {}))
            }
          >
            {isThere ? 'leave out' : 'add'} <span className="unseen">{name}</span>
          </button>
        )}
      </legend>
      {isThere && <div className="form-parts">{inner}</div>}
      <Wrong messages={form.issuesAt(path)} />
    </fieldset>
  )
}

function ListPart({ form, schema, path, name, required }: PartProps) {
  const value = valueAt(form.value, path)
  const items = Array.isArray(value) ? (value as unknown[]) : []
  const item = resolved(schema.items ?? {}, form.root)
  return (
    <fieldset className="form-group">
      <legend>
        {name} <Note schema={schema} required={required} />
        <button
          type="button"
          className="quiet"
          onClick={() => form.set([...path, items.length], sampleOf(item, form.root) ?? '')}
        >
          <Icon name="plus" size={12} /> add <span className="unseen">to {name}</span>
        </button>
      </legend>
      {items.map((_, at) => (
        <div key={`${items.length} ${at}`} className="form-item">
          <Part form={form} schema={item} path={[...path, at]} name={`${name}[${at}]`} required />
          <button
            type="button"
            className="icon-button"
            aria-label={`take ${name}[${at}] away`}
            onClick={() => form.set([...path, at], undefined)}
          >
            <Icon name="close" size={13} />
          </button>
        </div>
      ))}
      <Wrong messages={form.issuesAt(path)} />
    </fieldset>
  )
}

function ChoicePart({
  form,
  schema,
  path,
  name,
  required,
  choices,
}: PartProps & { readonly choices: readonly unknown[] }) {
  const value = valueAt(form.value, path)
  const at = choices.indexOf(value)
  const id = useId()
  const wrong = form.issuesAt(path)
  return (
    <Labelled id={id} name={name} schema={schema} required={required} wrong={wrong}>
      <select
        id={id}
        value={at}
        aria-invalid={wrong.length > 0}
        aria-describedby={`${id}-wrong`}
        onChange={({ target }) => form.set(path, choices[Number(target.value)])}
      >
        {(at === -1 || !required) && (
          <option value={-1}>{required ? 'choose' : 'not given'}</option>
        )}
        {choices.map((one, index) => (
          <option key={index} value={index}>
            {typeof one === 'string' ? one : JSON.stringify(one)}
          </option>
        ))}
      </select>
    </Labelled>
  )
}

const readText = (text: string): unknown => text
/** What is no number stays as it was typed: the check says what is wrong with it. */
const readNumber = (text: string): unknown => {
  const number = Number(text)
  return text.trim() === '' || Number.isNaN(number) ? text : number
}

function TypedPart({
  form,
  schema,
  path,
  name,
  required,
  read,
  isNumber = false,
}: PartProps & { readonly read: (text: string) => unknown; readonly isNumber?: boolean }) {
  const value = valueAt(form.value, path)
  const [typed, setTyped] = useState<string>()
  const id = useId()
  const wrong = form.issuesAt(path)
  const shown = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
  // `1.` is on its way to a number: it stays as typed as long as it means the same.
  const text = typed !== undefined && String(read(typed)) === shown ? typed : shown
  return (
    <Labelled id={id} name={name} schema={schema} required={required} wrong={wrong}>
      <input
        id={id}
        value={text}
        inputMode={isNumber ? 'decimal' : undefined}
        aria-invalid={wrong.length > 0}
        aria-describedby={`${id}-wrong`}
        onChange={({ target }) => {
          setTyped(target.value)
          form.set(path, target.value === '' ? undefined : read(target.value))
        }}
      />
    </Labelled>
  )
}

/** Its own text, until that is JSON: half of it is no value yet. */
function RawPart({ form, schema, path, name, required }: PartProps) {
  const value = valueAt(form.value, path)
  const [text, setText] = useState(() => jsonText(value))
  const id = useId()
  const read = readJson(text)
  const isEmpty = text.trim() === ''
  const wrong = read.ok || isEmpty ? form.issuesAt(path) : [read.problem]
  return (
    <Labelled id={id} name={`${name} (JSON)`} schema={schema} required={required} wrong={wrong}>
      <textarea
        id={id}
        className="mono"
        rows={3}
        spellCheck={false}
        value={text}
        aria-invalid={wrong.length > 0}
        aria-describedby={`${id}-wrong`}
        onChange={({ target }) => {
          setText(target.value)
          const typed = readJson(target.value)
          form.set(path, typed.ok ? typed.value : undefined)
        }}
      />
    </Labelled>
  )
}

function Labelled({
  id,
  name,
  schema,
  required,
  wrong,
  children,
}: {
  readonly id: string
  readonly name: string
  readonly schema: Schema
  readonly required: boolean
  readonly wrong: readonly string[]
  readonly children: React.ReactNode
}) {
  return (
    <div className="field form-field">
      <label htmlFor={id}>
        <b>{name}</b> <Note schema={schema} required={required} />
      </label>
      {children}
      <span id={`${id}-wrong`}>
        <Wrong messages={wrong} />
      </span>
    </div>
  )
}

const Note = ({ schema, required }: { readonly schema: Schema; readonly required: boolean }) => (
  <span className="muted">
    {[required ? '' : 'optional', schema.format ?? '', schema.description ?? '']
      .filter((one) => one !== '')
      .join(' · ')}
  </span>
)

const Wrong = ({ messages }: { readonly messages: readonly string[] }) =>
  messages.map((one) => (
    <span key={one} className="wrong">
      {one}
    </span>
  ))
