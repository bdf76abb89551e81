import { type ComponentType, lazy } from 'react'
import type { Page, PageProps } from './page.ts'

/**
 * Every page of the dashboard. To add one: a file with a component here beside, and a line in this
 * table. Its code is loaded when somebody goes there, so each line has an import of its own.
 */
export const pages: readonly Page[] = [
  page(
    '/',
    'Overview',
    async () => (await import('./overview/overview.tsx')).Overview,
    'overview',
    'g o',
  ),
  page(
    '/dispatches',
    'Dispatches',
    async () => (await import('./dispatches/dispatches.tsx')).Dispatches,
    'list',
    'g d',
  ),
  page(
    '/dispatches/:id',
    'Dispatch',
    async () => (await import('./dispatch/dispatch.tsx')).Dispatch,
  ),
  page(
    '/events',
    'Events',
    async () => (await import('./events/events.tsx')).Events,
    'event',
    'g e',
  ),
  page('/events/:id', 'Event', async () => (await import('./events/event.tsx')).Event),
  page(
    '/bindings',
    'Bindings',
    async () => (await import('./bindings/bindings.tsx')).Bindings,
    'binding',
    'g b',
  ),
  page(
    '/bindings/:id',
    'Binding',
    async () => (await import('./bindings/binding.tsx')).BindingPage,
  ),
  page('/flow', 'Flow', async () => (await import('./flow/flow.tsx')).Flow, 'flow', 'g f'),
  page(
    '/circuits',
    'Circuits',
    async () => (await import('./circuits/circuits.tsx')).Circuits,
    'circuit',
    'g c',
  ),
  page('/dead', 'Dead letters', async () => (await import('./dead/dead.tsx')).Dead, 'inbox', 'g l'),
  page('/dead/:id', 'Dead letter', async () => (await import('./dead/letter.tsx')).DeadLetterPage),
  page(
    '/operations',
    'Operations',
    async () => (await import('./operations/operations.tsx')).Operations,
    'operation',
    'g p',
  ),
  page(
    '/services',
    'Services',
    async () => (await import('./services/services.tsx')).Services,
    'service',
    'g s',
  ),
]

function page(
  path: string,
  title: string,
  load: () => Promise<ComponentType<PageProps>>,
  icon?: Page['icon'],
  keys?: string,
): Page {
  return {
    path,
    title,
    component: lazy(async () => ({ default: await load() })),
    preload: load,
    ...(icon !== undefined && { icon }),
    ...(keys !== undefined && { keys }),
  }
}
