import { type Session, signOut } from '../base/session.ts'
import { setSearch, useApp } from '../base/router.tsx'
import { changeSettings, useSettings } from '../base/settings.ts'
import { Icon } from '../ui/icon.tsx'
import { LiveIndicator } from './live-indicator.tsx'

const themes = ['system', 'light', 'dark'] as const
const themeIcons = { system: 'half', light: 'sun', dark: 'moon' } as const

export function Top({
  session,
  onFind,
  onHelp,
}: {
  readonly session: Session | undefined
  readonly onFind: () => void
  readonly onHelp: () => void
}) {
  const { theme } = useSettings()
  const nextTheme = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system'
  return (
    <header className="top">
      <AppChoice apps={session?.apps ?? []} />
      <button type="button" className="find" onClick={onFind}>
        <Icon name="search" size={14} />
        <span>Find or go to</span>
        <kbd>Ctrl K</kbd>
      </button>
      <div className="top-right">
        <LiveIndicator />
        <button
          type="button"
          className="icon-button"
          title={`theme: ${theme}; next: ${nextTheme}`}
          aria-label={`theme ${theme}, change to ${nextTheme}`}
          onClick={() => changeSettings({ theme: nextTheme })}
        >
          <Icon name={themeIcons[theme]} />
        </button>
        <button
          type="button"
          className="icon-button"
          title="keys (?)"
          aria-label="keys"
          onClick={onHelp}
        >
          <Icon name="keyboard" />
        </button>
        {session?.user && <User session={session} />}
      </div>
    </header>
  )
}

function AppChoice({ apps }: { readonly apps: readonly string[] }) {
  const app = useApp()
  return (
    <label className="app-choice">
      <span className="unseen">app</span>
      <select
        value={app ?? ''}
        onChange={({ target }) => setSearch({ app: target.value || undefined })}
      >
        <option value="">all apps</option>
        {[...new Set([...apps, ...(app === undefined ? [] : [app])])].map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  )
}

function User({ session: { user, auth } }: { readonly session: Session }) {
  return (
    <span className="user" title={`${user?.name}, ${user?.role}`}>
      <Icon name="user" size={14} />
      <span>{user?.name}</span>
      <span className="muted small">{user?.role}</span>
      {auth === 'token' && (
        <button
          type="button"
          className="quiet"
          onClick={() => void signOut().then(() => location.reload())}
        >
          Sign out
        </button>
      )}
    </span>
  )
}
