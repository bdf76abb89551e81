import { Component, type ReactNode, Suspense, useEffect, useMemo, useState } from 'react'
import { problemOf } from '../base/api.ts'
import { type KeyAction, keysInForce, useKeys } from '../base/keys.ts'
import { matchPath } from '../base/route.ts'
import { Link, navigate, usePlace } from '../base/router.tsx'
import { useSession } from '../base/session.ts'
import { changeSettings } from '../base/settings.ts'
import { pages } from '../pages/index.ts'
import { copyText } from '../ui/copy.tsx'
import { Empty, Loading, ProblemNotice } from '../ui/notice.tsx'
import { Said } from '../ui/said.tsx'
import { Help } from './help.tsx'
import { Nav } from './nav.tsx'
import { type Deed, Palette } from './palette.tsx'
import { SignIn } from './sign-in.tsx'
import { Top } from './top.tsx'

// Its code is on its way while the session is asked for; what fails is told where it is shown.
pages
  .find(({ path }) => matchPath(path, location.pathname))
  ?.preload()
  .catch(() => undefined)

const deeds: readonly Deed[] = [
  { title: 'Copy a link to this page', icon: 'link', do: () => copyLink() },
  { title: 'Light theme', icon: 'sun', do: () => changeSettings({ theme: 'light' }) },
  { title: 'Dark theme', icon: 'moon', do: () => changeSettings({ theme: 'dark' }) },
  { title: 'Theme of the system', icon: 'half', do: () => changeSettings({ theme: 'system' }) },
]

const copyLink = (): void => copyText(location.href, 'Copied the link')

export function App() {
  const session = useSession()
  const [open, setOpen] = useState<'palette' | 'help'>()
  const [keys, setKeys] = useState<readonly KeyAction[]>([])
  const help = (): void => {
    setKeys(keysInForce())
    setOpen('help')
  }
  useKeys([
    { keys: 'mod+k', what: 'find, or go to', do: () => setOpen('palette') },
    { keys: '?', what: 'these keys', do: help },
    { keys: 'y', what: 'copy a link to this page', do: copyLink },
    { keys: '/', what: 'filter', do: focusFilter },
    ...goKeys,
  ])
  // Before that, every question would be one of nobody: refused, and in the console.
  if (session.data === undefined && session.error === undefined) return <Loading what="Waybill" />
  if (session.data?.auth === 'token' && session.data.user === null) {
    return <SignIn onSignedIn={() => location.reload()} />
  }
  return (
    <div className="frame">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <Nav />
      <div className="frame-main">
        <Top session={session.data} onFind={() => setOpen('palette')} onHelp={help} />
        <Outlet />
      </div>
      {open === 'palette' && <Palette deeds={deeds} onClose={() => setOpen(undefined)} />}
      {open === 'help' && <Help keys={keys} onClose={() => setOpen(undefined)} />}
      <Said />
    </div>
  )
}

const goKeys: readonly KeyAction[] = pages.flatMap(({ keys, title, path }) =>
  keys === undefined
    ? []
    : [{ keys, what: `go to ${title.toLowerCase()}`, do: () => navigate(path) }],
)

/** The page's own filter field says so itself. */
function focusFilter(): void {
  document.querySelector<HTMLInputElement>('[data-filter]')?.focus()
}

function Outlet() {
  const { path } = usePlace()
  const found = useMemo(() => {
    for (const page of pages) {
      const params = matchPath(page.path, path)
      if (params) return { page, params }
    }
    return undefined
  }, [path])
  const title = found?.page.title ?? 'Not found'
  useEffect(() => {
    document.title = `${title} · Waybill`
  }, [title])
  return (
    <main id="main" tabIndex={-1}>
      <Fence key={path}>
        <Suspense fallback={<Loading what={title} />}>
          {found ? <found.page.component params={found.params} /> : <Nowhere path={path} />}
        </Suspense>
      </Fence>
    </main>
  )
}

const Nowhere = ({ path }: { readonly path: string }) => (
  <Empty title="There is no such page">
    <h1 className="unseen">Not found</h1>
    <p className="mono">{path}</p>
    <Link to="/">Overview</Link>
  </Empty>
)

/** A fault of one page is shown in its place; the frame stays. A class, because React has no other way. */
class Fence extends Component<{ readonly children: ReactNode }, { readonly thrown?: unknown }> {
  override state: { readonly thrown?: unknown } = {}

  static getDerivedStateFromError(thrown: unknown): { readonly thrown: unknown } {
    return { thrown }
  }

  override render(): ReactNode {
    const { thrown } = this.state
    if (thrown === undefined) return this.props.children
    return (
      <ProblemNotice
        problem={problemOf(thrown)}
        retry={() => this.setState({ thrown: undefined })}
      />
    )
  }
}
