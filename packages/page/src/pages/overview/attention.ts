import type { ResponseOf } from '@waybill/api'
import { count, duration, number } from '../../base/text.ts'
import type { IconName } from '../../ui/icon.tsx'
import type { Tone } from '../../ui/state.tsx'

/** What somebody should look at, the worst first. */
export interface Attention {
  readonly key: string
  readonly rank: number
  readonly icon: IconName
  readonly tone: Tone
  readonly title: string
  readonly why: string
  readonly at?: number | undefined
  readonly href: string
}

export interface Sources {
  readonly groups?: ResponseOf<'dlq.groups'>['groups'] | undefined
  readonly circuits?: readonly ResponseOf<'circuit.list'>[] | undefined
  readonly partitions?: readonly ResponseOf<'partition.status'>[] | undefined
  readonly projections?: readonly ResponseOf<'projection.status'>[] | undefined
  readonly health?: readonly ResponseOf<'service.health'>[] | undefined
  /** Dispatches that stand still for more than an hour. */
  readonly waiting?: ResponseOf<'dispatch.count'> | undefined
}

const recentMs = 3_600_000
/** Rows may trail the journal by a bundle or two at any time. */
const behindMax = 100

export function attentionOf(from: Sources, now: number): Attention[] {
  return [
    ...(from.partitions ?? []).flatMap(haltedOf),
    ...(from.health ?? []).flatMap(unwellOf),
    ...(from.circuits ?? []).flatMap(openOf),
    ...(from.groups ?? []).flatMap((one) => deadOf(one, now)),
    ...(from.projections ?? []).flatMap(behindOf),
    ...pausedOf(from.partitions ?? []),
    ...waitingOf(from.waiting),
  ].sort((a, b) => a.rank - b.rank || (b.at ?? 0) - (a.at ?? 0))
}

function haltedOf({ partitions }: ResponseOf<'partition.status'>): Attention[] {
  return partitions.flatMap(({ partition, halted }) =>
    halted
      ? [
          {
            key: `halted ${partition.app} ${partition.slot}`,
            rank: 0,
            icon: 'stop',
            tone: 'dead',
            title: `Partition ${partition.app}/${partition.slot} has halted`,
            why: halted.why,
            href: '/services',
          },
        ]
      : [],
  )
}

function unwellOf({ service, instance, ready, checks }: ResponseOf<'service.health'>): Attention[] {
  if (ready) return []
  const failing = checks.filter(({ ok }) => !ok)
  return [
    {
      key: `health ${service} ${instance}`,
      rank: 1,
      icon: 'warning',
      tone: 'failed',
      title: `${service} ${instance} is not ready`,
      why: failing
        .map(({ name, why }) => (why === undefined ? name : `${name}: ${why}`))
        .join('; '),
      href: '/services',
    },
  ]
}

function openOf({ circuits }: ResponseOf<'circuit.list'>): Attention[] {
  return circuits.flatMap(({ ledger, key, limit, state, failures, since, manual, until }) =>
    state === 'closed'
      ? []
      : [
          {
            key: `circuit ${ledger}`,
            rank: 2,
            icon: 'circuit',
            tone: state === 'open' ? 'failed' : 'waiting',
            title: `Circuit ${key} is ${state.replace('_', ' ')}`,
            why: manual
              ? `by ${manual.by}: ${manual.reason}`
              : `${count(failures, 'failure')} in a row at ${limit}${until === undefined ? '' : `; the next try is due ${new Date(until).toLocaleTimeString()}`}`,
            at: since,
            href: '/circuits',
          },
        ],
  )
}

function deadOf(group: ResponseOf<'dlq.groups'>['groups'][number], now: number): Attention[] {
  const { fingerprint, pending, binding, top, firstAt, lastAt } = group
  if (pending === 0) return []
  const isNew = now - firstAt < recentMs
  return [
    {
      key: `dead ${fingerprint} ${binding}`,
      rank: isNew ? 3 : 4,
      icon: 'skull',
      tone: 'dead',
      title: `${count(pending, 'dead letter')} of ${binding}${isNew ? ', new' : ''}`,
      why: top,
      at: lastAt,
      href: `/dead?fingerprint=${encodeURIComponent(fingerprint)}`,
    },
  ]
}

function behindOf({
  instance,
  rebuilding,
  projections,
}: ResponseOf<'projection.status'>): Attention[] {
  const behind = projections.reduce(
    (sum, { applied, head }) => sum + Math.max(0, head - applied),
    0,
  )
  if (!rebuilding && behind <= behindMax) return []
  return [
    {
      key: `projection ${instance}`,
      rank: 5,
      icon: 'clock',
      tone: 'waiting',
      title: rebuilding
        ? `Projector ${instance} builds its rows anew`
        : `Projector ${instance} is ${number(behind)} messages behind`,
      why: 'lists and counts are older than the journal; dispatches go on all the same',
      href: '/services',
    },
  ]
}

/** Every partition tells of the same pause. */
function pausedOf(answers: readonly ResponseOf<'partition.status'>[]): Attention[] {
  const found = new Map<string, Attention>()
  for (const { partition, pauses } of answers.flatMap(({ partitions }) => partitions)) {
    for (const { binding, pause } of pauses) {
      if (!pause) continue
      const what = binding ?? partition.app
      found.set(`${partition.app} ${what}`, {
        key: `pause ${partition.app} ${what}`,
        rank: 6,
        icon: 'pause',
        tone: 'held',
        title: binding === undefined ? `App ${what} is paused` : `Binding ${what} is paused`,
        why: `by ${pause.by}: ${pause.reason}`,
        at: pause.since,
        href: '/bindings',
      })
    }
  }
  return [...found.values()]
}

function waitingOf(waiting: Sources['waiting']): Attention[] {
  if (waiting === undefined || waiting.count === 0) return []
  const states = Object.entries(waiting.states)
    .filter(([, many]) => many > 0)
    .map(([state, many]) => `${number(many)} ${state}`)
  return [
    {
      key: 'waiting',
      rank: 7,
      icon: 'clock',
      tone: 'waiting',
      title: `${count(waiting.count, 'dispatch', 'dispatches')} open for more than ${duration(recentMs)}`,
      why: states.join(', '),
      href: '/dispatches?state=flowGated,retryWait,waiting&until=1h',
    },
  ]
}
