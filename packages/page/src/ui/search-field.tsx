import { useEffect, useRef, useState } from 'react'
import { setSearch, useSearch } from '../base/router.tsx'

/** Typing pauses this long before the address bar, and with it the question, changes. */
const settleMs = 250

/** A text filter that stands in the address bar. */
export function SearchText({
  name,
  label,
  wide = false,
  isFilter = false,
  list,
}: {
  readonly name: string
  readonly label: string
  readonly wide?: boolean
  /** `/` goes there; one of a page. */
  readonly isFilter?: boolean
  readonly list?: string
}) {
  const [search] = useSearch()
  const value = search.get(name) ?? ''
  const [typed, setTyped] = useState(value)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => setTyped(value), [value])
  useEffect(() => () => clearTimeout(timer.current), [])
  const change = (text: string): void => {
    setTyped(text)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setSearch({ [name]: text }, { replace: true }), settleMs)
  }
  return (
    <input
      type="search"
      className={wide ? 'wide' : ''}
      value={typed}
      aria-label={label}
      placeholder={label}
      list={list}
      data-filter={isFilter ? true : undefined}
      onChange={({ target }) => change(target.value)}
    />
  )
}

/** A choice that stands in the address bar; the first one is said by its absence. */
export function SearchSelect({
  name,
  label,
  options,
}: {
  readonly name: string
  readonly label: string
  readonly options: readonly (readonly [value: string, text: string])[]
}) {
  const [search] = useSearch()
  const value = search.get(name) ?? ''
  const known = options.some(([one]) => one === value)
  return (
    <label>
      <span className="unseen">{label}</span>
      <select value={value} onChange={({ target }) => setSearch({ [name]: target.value })}>
        {(known ? options : [...options, [value, value] as const]).map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
