import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from 'react'
import { carrying, type Changes, href, withSearch } from './route.ts'

/** The router: the History API and the address bar are the store, nothing is kept beside them. */

export interface Place {
  readonly path: string
  readonly search: URLSearchParams
  readonly hash: string
}

const listeners = new Set<() => void>()
const carried = ['app']

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) addEventListener('popstate', tell)
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) removeEventListener('popstate', tell)
  }
}

const tell = (): void => {
  for (const listener of listeners) listener()
}

const here = (): string => `${location.pathname}${location.search}${location.hash}`

export const usePlace = (): Place => useSyncExternalStore(subscribe, placeNow)

let place: Place & { readonly at: string } = {
  at: '',
  path: '/',
  search: new URLSearchParams(),
  hash: '',
}

/** Read once for all who ask: every link on the page does. */
function placeNow(): Place {
  const at = here()
  if (at === place.at) return place
  const { pathname: path, search, hash } = location
  place = { at, path, search: new URLSearchParams(search), hash }
  return place
}

export interface Going {
  /** The place before is not one to go back to: typing in a filter, dragging a scrubber. */
  readonly replace?: boolean
}

export function navigate(to: string, { replace = false }: Going = {}): void {
  const target = carrying(to, new URLSearchParams(location.search), carried)
  if (target === here()) return
  history[replace ? 'replaceState' : 'pushState'](null, '', target)
  tell()
}

/** Same page, other parameters. */
export function useSearch(): [URLSearchParams, (changes: Changes, going?: Going) => void] {
  const { search } = usePlace()
  return [search, setSearch]
}

export function setSearch(changes: Changes, going?: Going): void {
  const next = withSearch(new URLSearchParams(location.search), changes)
  // A parameter that is taken away must not be carried over again.
  history[going?.replace ? 'replaceState' : 'pushState'](null, '', href(location.pathname, next))
  tell()
}

/** The app that is looked at; undefined: all. */
export const useApp = (): string | undefined => usePlace().search.get('app') ?? undefined

export function Link({
  to,
  replace,
  onClick,
  ...rest
}: AnchorHTMLAttributes<HTMLAnchorElement> & { readonly to: string; readonly replace?: boolean }) {
  const { search } = usePlace()
  const target = carrying(to, search, carried)
  const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event)
    const isPlain = !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    if (event.defaultPrevented || event.button !== 0 || !isPlain) return
    event.preventDefault()
    navigate(target, { replace: replace ?? false })
  }
  return <a {...rest} href={target} onClick={follow} />
}
