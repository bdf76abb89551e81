import type { IconName } from '../../../ui/icon.tsx'
import type { Group, Node } from './tree.ts'

export const kindIcons: Readonly<Record<Node['kind'], IconName>> = {
  trigger: 'event',
  predicate: 'question',
  approval: 'user',
  gate: 'gate',
  circuit: 'circuit',
  dispatch: 'play',
  a2a_hop: 'forward',
  worker_enqueue: 'list',
  agent: 'bolt',
  workflow: 'flow',
  step: 'circle',
  wait: 'clock',
  retry: 'retry',
  dlq: 'skull',
  skip: 'skip',
  cancel: 'stop',
}

/** Where a node leads: to its dispatch, or to its event. */
export function hrefOf({ metadata }: Node): string | undefined {
  const { dispatch, event } = metadata
  if (typeof dispatch === 'string') return `/dispatches/${dispatch}`
  return typeof event === 'string' ? `/events/${event}` : undefined
}

/** `309 completed, 3 failed`. */
export const statusesText = ({ statuses }: Group): string =>
  [...statuses]
    .sort(([, a], [, b]) => b - a)
    .map(([status, many]) => `${many} ${status}`)
    .join(', ')

/** What `status` does not say already. */
export const outcomeOf = ({ status, outcome, kind }: Node): string =>
  outcome === undefined || outcome === status || kind === 'retry' ? '' : outcome

export const headsOf = ({ statuses }: Group): number =>
  [...statuses.values()].reduce((sum, one) => sum + one, 0)
