import { Link } from '../base/router.tsx'
import { shortId } from '../base/text.ts'

export const DispatchLink = ({ id }: { readonly id: string }) => (
  <Link to={`/dispatches/${id}`} className="mono" title={id}>
    {shortId(id)}
  </Link>
)

/** A binding or one version of it leads to its settings. */
export function BindingLink({ name, app }: { readonly name: string; readonly app?: string }) {
  const [id = name, version] = name.split('@v')
  const search = new URLSearchParams({
    ...(version !== undefined && { version }),
    ...(app !== undefined && { app }),
  })
  const text = search.size === 0 ? '' : `?${search}`
  return <Link to={`/bindings/${encodeURIComponent(id)}${text}`}>{name}</Link>
}
