/** A place in the page is a path and search parameters; both are all the state that a link carries. */

/** `/dispatches/:id` against `/dispatches/1-2-ab`: the parameters, or undefined when it does not fit. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  const given = path.replace(/\/+$/, '').split('/')
  if (path === '/') given.length = 1
  if (pattern === '/') wanted.length = 1
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [at, want] of wanted.entries()) {
    const value = given[at] ?? ''
    if (want.startsWith(':')) params[want.slice(1)] = decoded(value)
    else if (want !== value) return undefined
  }
  return params
}

/** A path typed by hand may hold a lone `%`. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export type Changes = Readonly<Record<string, string | readonly string[] | undefined>>

/** The same place with other parameters; undefined and '' take one away. */
export function withSearch(search: URLSearchParams, changes: Changes): URLSearchParams {
  const next = new URLSearchParams(search)
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name)
    for (const one of typeof value === 'string' ? [value] : (value ?? [])) {
      if (one !== '') next.append(name, one)
    }
  }
  return next
}

export function href(path: string, search?: URLSearchParams | Changes, hash = ''): string {
  const text = (
    search instanceof URLSearchParams ? search : withSearch(new URLSearchParams(), search ?? {})
  ).toString()
  return `${path}${text === '' ? '' : `?${text}`}${hash}`
}

/** What is chosen once and holds on every page travels with every link that does not choose anew. */
export function carrying(to: string, from: URLSearchParams, names: readonly string[]): string {
  if (!names.some((name) => from.has(name))) return to
  const url = new URL(to, 'http://page')
  for (const name of names) {
    const value = from.get(name)
    if (value !== null && !url.searchParams.has(name)) url.searchParams.set(name, value)
  }
  return `${url.pathname}${url.search}${url.hash}`
}
