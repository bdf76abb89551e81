import { Link, usePlace } from '../base/router.tsx'
import { useAsk } from '../base/query.ts'
import { number } from '../base/text.ts'
import { useApp } from '../base/router.tsx'
import { pages } from '../pages/index.ts'
import { Icon } from '../ui/icon.tsx'

export function Nav() {
  const { path } = usePlace()
  const dead = useDead()
  return (
    <nav className="nav" aria-label="pages">
      <Link to="/" className="brand" aria-label="Waybill, overview">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <rect width="32" height="32" rx="7" />
          <path d="M6 10l4.5 12L16 12l5.5 10L26 10" />
        </svg>
        <span>Waybill</span>
      </Link>
      {pages.map(({ path: to, title, icon, keys, preload }) =>
        icon === undefined ? null : (
          <Link
            key={to}
            to={to}
            title={keys === undefined ? title : `${title} (${keys})`}
            aria-current={isHere(to, path) ? 'page' : undefined}
            onMouseEnter={() => void preload()}
          >
            <Icon name={icon} />
            <span>{title}</span>
            {to === '/dead' && dead > 0 && (
              <span className="nav-count" data-tone="dead">
                {number(dead)}
              </span>
            )}
          </Link>
        ),
      )}
    </nav>
  )
}

const isHere = (to: string, path: string): boolean =>
  to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`)

/** The one number that is worth seeing from everywhere. */
function useDead(): number {
  const app = useApp()
  const { data } = useAsk('stats.states', app === undefined ? {} : { app }, {
    on: ({ to }) => to === 'dlq',
    everyMs: 10_000,
  })
  return data?.dead ?? 0
}
