import type { Locator, Page } from 'playwright-core'
import { ask } from './ask.ts'

/** Every page and tab that there is, with something to see on each. */
export interface Place {
  readonly name: string
  readonly path: string
  /** There once the page has what it shows. */
  readonly shows: (page: Page) => Locator
}

const tabs = ['graph', 'machine', 'log', 'replay', 'io'] as const

/** @param dashboard of an app that has had dead letters, limits and circuits */
export async function placesOf(dashboard: string): Promise<readonly Place[]> {
  const { entries } = await ask(dashboard, 'dlq.list', { status: 'pending', limit: 100 })
  // The one with the most to tell.
  const [letter] = entries.toSorted((a, b) => b.attempts - a.attempts)
  if (!letter) throw new Error('nothing has died yet')
  const { binding, app } = letter
  const of = encodeURIComponent(binding.split('@')[0] ?? '')
  const dispatch = `/dispatches/${letter.id}`
  return [
    place('overview', '/', (page) => page.getByText('started in 1h')),
    place('dispatches', '/dispatches', row),
    place('dispatch-timeline', dispatch, (page) => page.getByText('hash chain intact')),
    ...tabs.map((tab) => place(`dispatch-${tab}`, `${dispatch}?tab=${tab}`, shownBy[tab])),
    place('dispatch-log-entry', `${dispatch}?tab=log&at=1`, shownBy.log),
    place('dispatch-graph-outline', `${dispatch}?tab=graph&view=outline&scope=chain`, row),
    place('events', '/events', row),
    place('event', `/events/${letter.event}`, cell),
    place('bindings', '/bindings', cell),
    place('binding', `/bindings/${of}?app=${app}`, heading('Last failures')),
    place('binding-versions', `/bindings/${of}?app=${app}&tab=versions`, cell),
    place('binding-send', `/bindings/${of}?app=${app}&tab=send`, (page) =>
      page.getByRole('button', { name: /^Send/ }),
    ),
    place('flow', '/flow', cell),
    place('circuits', '/circuits', cell),
    place('dead', '/dead', cell),
    place('dead-entries', '/dead?view=entries', row),
    place('dead-letter', `/dead/${letter.id}`, heading('Payload')),
    place('operations', '/operations', cell),
    place('services', '/services', (page) => page.getByText('leading').first()),
  ]
}

const place = (name: string, path: string, shows: Place['shows']): Place => ({ name, path, shows })

const row = (page: Page): Locator => page.getByRole('gridcell').first()
const cell = (page: Page): Locator => page.getByRole('main').getByRole('cell').first()
const heading =
  (name: string) =>
  (page: Page): Locator =>
    page.getByRole('heading', { name })

const shownBy: Readonly<Record<(typeof tabs)[number], Place['shows']>> = {
  graph: (page) => page.getByRole('application').getByRole('group').first(),
  machine: (page) => page.getByRole('img', { name: /now in/ }),
  log: row,
  replay: (page) => page.getByRole('application').getByRole('group').first(),
  io: (page) => page.getByRole('tabpanel').getByRole('heading').first(),
}
