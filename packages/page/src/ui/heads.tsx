/** The head of a table: titles, numbers to the right, and an unseen one above buttons. */
export function Heads({
  titles,
  right = [],
  actions = false,
}: {
  readonly titles: readonly string[]
  /** Those of them that stand over numbers. */
  readonly right?: readonly string[]
  readonly actions?: boolean
}) {
  return (
    <thead>
      <tr>
        {titles.map((title) => (
          <th key={title} scope="col" className={right.includes(title) ? 'right' : undefined}>
            {title}
          </th>
        ))}
        {actions && (
          <th scope="col">
            <span className="unseen">actions</span>
          </th>
        )}
      </tr>
    </thead>
  )
}
