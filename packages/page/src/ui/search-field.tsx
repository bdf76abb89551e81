import { useEffect, useState } from 'react'
import { setSearch, useSearch } from '../base/router.tsx'

const typingMs = 250

/** A text that stands in the address bar once one stops typing. */
export function SearchField({
  name,
  label,
  wide = false,
  isFilter = false,
}: {
  /** Of the search parameter. */
  readonly name: string
  readonly label: string
  readonly wide?: boolean
  /** `/` goes there; one of a page. */
  readonly isFilter?: boolean
}) {
  const [search] = useSearch()
  const stands = search.get(name) ?? ''
  const [text, setText] = useState(stands)
  useEffect(() => setText(stands), [stands])
  useEffect(() => {
    if (text === stands) return undefined
    const timer = setTimeout(() => setSearch({ [name]: text }, { replace: true }), typingMs)
    return () => clearTimeout(timer)
  }, [text, name])
  return (
    <input
      type="search"
      className={wide ? 'wide' : ''}
      value={text}
      placeholder={label}
      aria-label={label}
      data-filter={isFilter ? '' : undefined}
      onChange={({ target }) => setText(target.value)}
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
      <select
        value={value}
        onChange={({ target }) => setSearch({ [name]: target.value }, { replace: true })}
      >
        {(known ? options : [...options, [value, value] as const]).map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
