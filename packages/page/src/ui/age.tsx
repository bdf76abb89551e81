import { iso, relative } from '../base/text.ts'
import { useNow } from '../base/now.ts'

/** `12 s ago`, with the exact time for who points at it. */
export function Age({ at }: { readonly at: number }) {
  const now = useNow()
  return (
    <time dateTime={iso(at)} title={iso(at)}>
      {relative(at, now)}
    </time>
  )
}
