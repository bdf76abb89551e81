import { useEffect, useId, useRef, useState } from 'react'
import type { DispatchState } from '@waybill/core'
import { useAsk } from '../../base/query.ts'
import { setSearch, useApp } from '../../base/router.tsx'
import { changeSettings, useSettings } from '../../base/settings.ts'
import { href } from '../../base/route.ts'
import { number } from '../../base/text.ts'
import { Icon } from '../../ui/icon.tsx'
import { dispatchStates, lookOf, looks } from '../../ui/state.tsx'
import { type DispatchFilter, isFiltered, sameFilter, searchOf, views } from './filter.ts'

const change = (filter: DispatchFilter): void => setSearch(searchOf(filter), { replace: true })

export function FilterBar({ filter }: { readonly filter: DispatchFilter }) {
  return (
    <div className="filters">
      <Views filter={filter} />
      <States filter={filter} />
      <Fields filter={filter} />
    </div>
  )
}

function Views({ filter }: { readonly filter: DispatchFilter }) {
  const { views: saved } = useSettings()
  const mine = saved.filter(({ path }) => path === '/dispatches')
  const search = href('', searchOf(filter))
  const isKnown =
    views.some((one) => sameFilter(one.filter, filter)) || mine.some((one) => one.search === search)
  return (
    <div className="views" role="group" aria-label="views">
      {views.map(({ name, filter: one }) => (
        <button
          key={name}
          type="button"
          aria-pressed={sameFilter(one, filter)}
          onClick={() => change(one)}
        >
          {name}
        </button>
      ))}
      {mine.map(({ name, search: one }) => (
        <span key={name} className="saved-view">
          <button
            type="button"
            aria-pressed={one === search}
            onClick={() => setSearch(emptied(one), { replace: true })}
          >
            {name}
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label={`forget the view ${name}`}
            onClick={() => changeSettings({ views: saved.filter((view) => view.name !== name) })}
          >
            <Icon name="close" size={12} />
          </button>
        </span>
      ))}
      {!isKnown && <SaveView search={search} />}
    </div>
  )
}

const emptied = (search: string) => ({
  ...searchOf({ states: [] }),
  ...Object.fromEntries(new URLSearchParams(search)),
})

function SaveView({ search }: { readonly search: string }) {
  const { views: saved } = useSettings()
  const [name, setName] = useState<string>()
  if (name === undefined) {
    return (
      <button type="button" className="quiet" onClick={() => setName('')}>
        <Icon name="plus" size={14} /> Save this view
      </button>
    )
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        const others = saved.filter((view) => view.name !== name)
        changeSettings({ views: [...others, { name, path: '/dispatches', search }] })
        setName(undefined)
      }}
    >
      <input
        autoFocus
        required
        maxLength={40}
        aria-label="name of the view"
        placeholder="name, then Enter"
        value={name}
        onChange={({ target }) => setName(target.value)}
        onKeyDown={({ key }) => key === 'Escape' && setName(undefined)}
      />
    </form>
  )
}

/** Each state with how many there are now; what is chosen is shown, nothing chosen is all. */
function States({ filter }: { readonly filter: DispatchFilter }) {
  const app = useApp()
  const { data } = useAsk('stats.states', app === undefined ? {} : { app }, { everyMs: 2000 })
  const turn = (state: DispatchState): void => {
    const states = filter.states.includes(state)
      ? filter.states.filter((one) => one !== state)
      : [...filter.states, state]
    change({ ...filter, states: dispatchStates.filter((one) => states.includes(one)) })
  }
  return (
    <div className="states" role="group" aria-label="states">
      {dispatchStates.map((state) => {
        const { icon, tone } = lookOf(state)
        const many = data?.states[state] ?? 0
        return (
          <button
            key={state}
            type="button"
            data-tone={tone}
            data-none={many === 0}
            aria-pressed={filter.states.includes(state)}
            title={looks[state].means}
            onClick={() => turn(state)}
          >
            <Icon name={icon} size={13} />
            {state}
            <span className="num">{number(many)}</span>
          </button>
        )
      })}
    </div>
  )
}

const periods = ['5m', '1h', '24h', '7d', '30d']

function Fields({ filter }: { readonly filter: DispatchFilter }) {
  const bindings = useAsk('binding.list', {})
  const listId = useId()
  const ids = [
    ...new Set((bindings.data?.bindings ?? []).flatMap(({ key }) => [key.split('@')[0]])),
  ]
  return (
    <div className="fields">
      <Typed filter={filter} field="text" label="id, subject, key, error" wide isFirst />
      <Typed filter={filter} field="binding" label="binding" list={listId} />
      <datalist id={listId}>
        {ids.map((id) => (
          <option key={id} value={id} />
        ))}
      </datalist>
      <Typed filter={filter} field="type" label="event type, or order.*" />
      <label>
        <span className="unseen">began within</span>
        <select
          value={filter.since ?? ''}
          onChange={({ target }) => change(without(filter, 'since', target.value))}
        >
          <option value="">any time</option>
          {[...new Set([...periods, ...(filter.since === undefined ? [] : [filter.since])])].map(
            (one) => (
              <option key={one} value={one}>
                last {one}
              </option>
            ),
          )}
        </select>
      </label>
      <Others filter={filter} />
      {isFiltered(filter) && (
        <button type="button" className="quiet" onClick={() => change({ states: [] })}>
          Clear
        </button>
      )}
    </div>
  )
}

type TextField = Exclude<keyof DispatchFilter, 'states'>

function without(filter: DispatchFilter, field: TextField, value: string): DispatchFilter {
  const { [field]: _, ...rest } = filter
  return value === '' ? rest : { ...rest, [field]: value }
}

/** Filters that a link brought and that have no field of their own. */
function Others({ filter }: { readonly filter: DispatchFilter }) {
  const shown = (['event', 'tenant', 'until'] as const).filter((one) => filter[one] !== undefined)
  return shown.map((field) => (
    <button
      key={field}
      type="button"
      aria-pressed="true"
      title="take this filter away"
      onClick={() => change(without(filter, field, ''))}
    >
      {field === 'until' ? 'older than' : field} <span className="mono">{filter[field]}</span>
      <Icon name="close" size={12} />
    </button>
  ))
}

const typingMs = 250

function Typed({
  filter,
  field,
  label,
  list,
  wide = false,
  isFirst = false,
}: {
  readonly filter: DispatchFilter
  readonly field: TextField
  readonly label: string
  readonly list?: string
  readonly wide?: boolean
  readonly isFirst?: boolean
}) {
  const [text, setText] = useState(filter[field] ?? '')
  const latest = useRef(filter)
  latest.current = filter
  useEffect(() => setText(filter[field] ?? ''), [filter[field]])
  useEffect(() => {
    if (text === (latest.current[field] ?? '')) return undefined
    const timer = setTimeout(() => change(without(latest.current, field, text)), typingMs)
    return () => clearTimeout(timer)
  }, [text, field])
  return (
    <input
      type="search"
      className={wide ? 'wide' : ''}
      list={list}
      value={text}
      placeholder={label}
      aria-label={label}
      data-filter={isFirst ? '' : undefined}
      onChange={({ target }) => setText(target.value)}
    />
  )
}
