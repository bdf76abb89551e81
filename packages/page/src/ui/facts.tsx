import type { ReactNode } from 'react'

/** Undefined or false: there is nothing to say about it. */
export type Fact = readonly [name: string, value: ReactNode]

/** Names with what they are; those without are left out. */
export function Facts({
  rows,
  className = '',
}: {
  readonly rows: readonly Fact[]
  readonly className?: string
}) {
  return (
    <dl className={`facts ${className}`}>
      {rows.map(
        ([name, value]) =>
          value !== undefined &&
          value !== false && (
            <div key={name} className="fact">
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  )
}
