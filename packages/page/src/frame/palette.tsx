import { useMemo, useState, type KeyboardEvent } from 'react'
import { useAsk } from '../base/query.ts'
import { navigate } from '../base/router.tsx'
import { href } from '../base/route.ts'
import { useSettings } from '../base/settings.ts'
import { shortId } from '../base/text.ts'
import { pages } from '../pages/index.ts'
import { Icon, type IconName } from '../ui/icon.tsx'
import { Modal } from '../ui/modal.tsx'

export interface Deed {
  readonly title: string
  readonly note?: string
  readonly icon: IconName
  readonly do: () => void
}

/** Go anywhere and find anything by its id, a part of it, its key or its error. */
export function Palette({
  deeds,
  onClose,
}: {
  readonly deeds: readonly Deed[]
  readonly onClose: () => void
}) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const found = useFound(text.trim())
  const known = useKnown(deeds)
  const wanted = text.trim().toLowerCase()
  const named = known.filter(({ title }) => title.toLowerCase().includes(wanted))
  const shown = [...named, ...found].slice(0, 40)
  const chosen = Math.min(at, shown.length - 1)
  const go = (deed: Deed | undefined): void => {
    onClose()
    deed?.do()
  }
  const press = (event: KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (by !== undefined) {
      event.preventDefault()
      setAt((chosen + by + shown.length) % Math.max(1, shown.length))
    }
    if (event.key === 'Enter') go(shown[chosen])
  }
  return (
    <Modal title="Go to, or find" onClose={onClose}>
      <div className="palette">
        <input
          type="search"
          data-autofocus=""
          value={text}
          placeholder="page, command, or id, key, subject, error of a dispatch"
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={shown[chosen] ? `palette-${chosen}` : undefined}
          aria-label="search"
          onChange={({ target }) => {
            setText(target.value)
            setAt(0)
          }}
          onKeyDown={press}
        />
        <Choices shown={shown} chosen={chosen} choose={setAt} go={go} />
      </div>
    </Modal>
  )
}

function Choices({
  shown,
  chosen,
  choose,
  go,
}: {
  readonly shown: readonly Deed[]
  readonly chosen: number
  readonly choose: (index: number) => void
  readonly go: (deed: Deed) => void
}) {
  if (shown.length === 0) return <p className="muted">Nothing of that name.</p>
  return (
    <div id="palette-list" role="listbox" aria-label="found" className="palette-list">
      {shown.map((deed, index) => (
        <div
          key={`${index} ${deed.title}`}
          id={`palette-${index}`}
          role="option"
          aria-selected={index === chosen}
          onClick={() => go(deed)}
          onMouseMove={() => choose(index)}
        >
          <Icon name={deed.icon} />
          <span className="clip">{deed.title}</span>
          <span className="muted small">{deed.note}</span>
        </div>
      ))}
    </div>
  )
}

function useKnown(deeds: readonly Deed[]): readonly Deed[] {
  const { views } = useSettings()
  return useMemo(
    () => [
      ...pages.flatMap(({ path, title, icon, keys }) =>
        icon === undefined
          ? []
          : [{ title, icon, note: keys ?? '', do: () => navigate(path) } satisfies Deed],
      ),
      ...views.map(({ name, path, search }): Deed => ({
        title: name,
        note: 'saved view',
        icon: 'list',
        do: () => navigate(`${path}${search}`),
      })),
      ...deeds,
    ],
    [views, deeds],
  )
}

/** Dispatches by anything that is said of them; an event by its id or the beginning of it. */
function useFound(text: string): readonly Deed[] {
  const isLong = text.length >= 3
  const { data } = useAsk('dispatch.list', isLong ? { text, limit: 12 } : undefined)
  const isId = /^[A-Za-z0-9_-]{3,128}$/.test(text) && text.includes('-')
  const event = useAsk('event.get', isId ? { id: text } : undefined)
  if (!isLong) return []
  const dispatches = (data?.dispatches ?? []).map(({ id, binding, state, type }): Deed => ({
    title: `${shortId(id)}  ${binding}`,
    note: `${state} · ${type}`,
    icon: 'list',
    do: () => navigate(`/dispatches/${id}`),
  }))
  const one = event.data?.event
  const events: Deed[] = one
    ? [
        {
          title: `${shortId(one.id)}  ${one.type}`,
          note: 'event',
          icon: 'event',
          do: () => navigate(`/events/${one.id}`),
        },
      ]
    : []
  const all: Deed = {
    title: `All dispatches with “${text}”`,
    icon: 'search',
    do: () => navigate(href('/dispatches', { q: text })),
  }
  return [...events, ...dispatches, all]
}
