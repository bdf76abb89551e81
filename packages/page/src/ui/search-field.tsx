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
