import type { KeyboardEvent, ReactNode } from 'react'

export interface Tab {
  readonly id: string
  readonly title: string
  readonly note?: ReactNode
}

/** Tabs that are links in all but name: the chosen one stands in the address bar. */
export function Tabs({
  tabs,
  chosen,
  choose,
  label,
  children,
}: {
  readonly tabs: readonly Tab[]
  readonly chosen: string
  readonly choose: (id: string) => void
  readonly label: string
  /** The chosen tab's content. */
  readonly children: ReactNode
}) {
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (by === undefined) return
    const at = tabs.findIndex(({ id }) => id === chosen)
    const next = tabs[(at + by + tabs.length) % tabs.length]
    if (!next) return
    event.preventDefault()
    choose(next.id)
    document.getElementById(`tab-${next.id}`)?.focus()
  }
  return (
    <>
      <div className="tabs" role="tablist" aria-label={label} onKeyDown={step}>
        {tabs.map(({ id, title, note }) => (
          <button
            key={id}
            id={`tab-${id}`}
            type="button"
            role="tab"
            aria-selected={id === chosen}
            aria-controls="tab-panel"
            tabIndex={id === chosen ? 0 : -1}
            onClick={() => choose(id)}
          >
            {title}
            {note !== undefined && <span className="tab-note">{note}</span>}
          </button>
        ))}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${chosen}`} className="tab-panel">
        {children}
      </div>
    </>
  )
}
