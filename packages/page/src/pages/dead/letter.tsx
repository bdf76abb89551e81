import '../ops.css'
import type { ResponseOf } from '@waybill/api'
import type { Plain } from '@waybill/core'
import { useMemo, useState } from 'react'
import { hasHidden, jsonText, readJson } from '../../base/json-text.ts'
import { useAsk } from '../../base/query.ts'
import { Link } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { useMayAct } from '../../base/session.ts'
import { count, shortId } from '../../base/text.ts'
import { useCheck, useEventTypes } from '../../schema/use-check.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { CopyButton } from '../../ui/copy.tsx'
import { type Fact, Facts } from '../../ui/facts.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Json } from '../../ui/json.tsx'
import { JsonEditor } from '../../ui/json-editor.tsx'
import { Answer } from '../../ui/notice.tsx'
import { BindingLink, DispatchLink } from '../../ui/reference.tsx'
import { State } from '../../ui/state.tsx'
import type { PageProps } from '../page.ts'
import { DeadDialog, type Deed } from './redrive.tsx'

type Letter = ResponseOf<'dlq.get'>

interface Doing {
  readonly deed: Deed
  readonly data?: Plain
}

/** One dead letter: what it died of, what it was given, and what to do about it. */
export function DeadLetterPage({ params }: PageProps) {
  const { id = '' } = params
  const answer = useAsk('dlq.get', { id }, { everyMs: 2000 })
  const [doing, setDoing] = useState<Doing>()
  const [isEditing, setEditing] = useState(false)
  return (
    <div className="page">
      <Answer answer={answer} what="the dead letter">
        {(letter) => (
          <>
            <Head letter={letter} onDo={(deed) => setDoing({ deed })} />
            <Died letter={letter} />
            {isEditing && letter.event ? (
              <Editor
                letter={letter}
                data={letter.event.data}
                onRedrive={(data) => setDoing({ deed: 'redrive', data })}
                onClose={() => setEditing(false)}
              />
            ) : (
              <Given letter={letter} onEdit={() => setEditing(true)} />
            )}
            {doing && (
              <DeadDialog
                deed={doing.deed}
                target={{
                  app: letter.entry.app,
                  ids: [letter.entry.id],
                  ...(doing.data !== undefined && { data: doing.data }),
                }}
                onClose={(done) => {
                  setDoing(undefined)
                  if (done) setEditing(false)
                  answer.refetch()
                }}
              />
            )}
          </>
        )}
      </Answer>
    </div>
  )
}

function Head({ letter, onDo }: { readonly letter: Letter; readonly onDo: (deed: Deed) => void }) {
  const { entry, asOf } = letter
  const mayAct = useMayAct()
  return (
    <div className="page-head">
      <Link to="/dead" aria-label="all dead letters">
        <Icon name="left" />
      </Link>
      <h1>
        Dead letter <span className="mono">{shortId(entry.id)}</span>
      </h1>
      <CopyButton text={entry.id} what="id" />
      <State state={entry.status} />
      <span className="push" />
      <AsOf answers={[{ asOf }]} />
      {mayAct && entry.status === 'pending' && (
        <>
          <button type="button" className="primary" onClick={() => onDo('redrive')}>
            Redrive …
          </button>
          <button type="button" onClick={() => onDo('discard')}>
            Discard …
          </button>
        </>
      )}
    </div>
  )
}

function Died({ letter: { entry, dispatch } }: { readonly letter: Letter }) {
  const { error, reason } = entry
  return (
    <section className="card" aria-label="what it died of">
      <div className="card-head">
        <h2>{error ? error.name : reason}</h2>
        {entry.class !== undefined && <span className="muted">{entry.class}</span>}
        <span className="push" />
        <Link to={href(`/dispatches/${entry.id}`, { tab: 'timeline' })}>history</Link>
        <Link to={href(`/dispatches/${entry.id}`, { tab: 'replay' })}>replay</Link>
      </div>
      <div className="card-body detail">
        {error && <pre className="error-text">{error.message}</pre>}
        <Facts rows={factsOf(entry, dispatch)} />
      </div>
    </section>
  )
}

function factsOf(entry: Letter['entry'], dispatch: Letter['dispatch']): readonly Fact[] {
  const { error, reason, attempts, deadAt, expiresAt, redrives, binding, app, event } = entry
  const { source, rerunOf } = dispatch.row
  return [
    ['reason', reason],
    ['at', error?.path !== undefined && <span className="mono">{error.path}</span>],
    ['binding', <BindingLink name={binding} app={app} />],
    [
      'event',
      <>
        <Link to={`/events/${event}`} className="mono">
          {shortId(event)}
        </Link>{' '}
        <span className="muted">
          {entry.type} from {source}
        </span>
      </>,
    ],
    [
      'died',
      <>
        <Age at={deadAt} />, after {count(attempts, 'attempt')}; expires <Age at={expiresAt} />
      </>,
    ],
    ['redriven', redrives > 0 && count(redrives, 'time')],
    ['ran again for', rerunOf !== undefined && <DispatchLink id={rerunOf} />],
    [
      'group',
      entry.fingerprint !== undefined && (
        <Link to={href('/dead', { fingerprint: entry.fingerprint })} className="mono">
          {entry.fingerprint}
        </Link>
      ),
    ],
  ]
}

function Given({ letter, onEdit }: { readonly letter: Letter; readonly onEdit: () => void }) {
  const { entry, event } = letter
  const mayAct = useMayAct()
  const isHidden = hasHidden(event?.data)
  return (
    <section className="card" aria-label="payload">
      <div className="card-head">
        <h2>Payload</h2>
        <span className="push" />
        {mayAct && event && entry.status === 'pending' && (
          <button
            type="button"
            disabled={isHidden}
            title={isHidden ? 'parts are hidden from you, they would be overwritten' : undefined}
            onClick={onEdit}
          >
            Edit and redrive …
          </button>
        )}
      </div>
      <div className="card-body stack">
        {isHidden && (
          <p className="muted">
            Parts are hidden on the server, so it cannot be edited here: the marks would take the
            place of what they hide. A plain redrive uses the stored payload, whole.
          </p>
        )}
        {event ? (
          <Json value={event.data} label="payload" />
        ) : (
          <p className="muted">The event is no longer kept; it can only be discarded.</p>
        )}
      </div>
    </section>
  )
}

function Editor({
  letter,
  data,
  onRedrive,
  onClose,
}: {
  readonly letter: Letter
  readonly data: unknown
  readonly onRedrive: (data: Plain) => void
  readonly onClose: () => void
}) {
  const { entry } = letter
  const before = useMemo(() => jsonText(data), [data])
  const [text, setText] = useState(before)
  const { types } = useEventTypes(entry.app)
  const schema = types.find(({ type }) => type === entry.type)?.schema
  const { ready, check } = useCheck(schema)
  const read = useMemo(() => readJson(text), [text])
  const issues = read.ok && check ? check(read.value) : []
  return (
    <section className="card" aria-label="edit the payload">
      <div className="card-head">
        <h2>Payload, edited</h2>
        <span className="muted">
          {check ? `checked by the schema of ${entry.type}` : 'no schema: only its form is checked'}
        </span>
        <span className="push" />
        <button type="button" className="quiet" onClick={onClose}>
          Leave it
        </button>
        <button type="button" disabled={text === before} onClick={() => setText(before)}>
          Undo
        </button>
        <button
          type="button"
          className="primary"
          disabled={!read.ok || !ready || issues.length > 0 || text === before}
          onClick={() => read.ok && onRedrive(read.value as Plain)} // read from JSON
        >
          Redrive as edited …
        </button>
      </div>
      <div className="card-body">
        <JsonEditor
          label="data of the event"
          text={text}
          read={read}
          issues={issues}
          change={setText}
        />
      </div>
    </section>
  )
}
