import { delayMs, retryPolicy } from '@waybill/core'
import type { Deaths } from '@waybill/projections'
import { z } from 'zod'

/*
 * What is known of alerts, as one value that is replaced by compare-and-set: how far the journal
 * has been looked through, which groups have been told of, and what is still to be sent. All of it
 * is decided here, with time as an argument.
 *
 * A group is told of at once. For the cool-down after that, what dies of the same is counted and
 * held back; at its end one alert tells how many, and the next cool-down begins. A group that
 * nothing died of meanwhile is forgotten, so its next death is told of at once again.
 */

const count = z.int().nonnegative()

export const targets = ['webhook', 'nats'] as const
export type Target = (typeof targets)[number]

/** What is told. Plain facts of the read store; payloads are never among them. */
const notice = z.strictObject({
  /** The same each time it is sent: receivers know it again by it. */
  id: z.string(),
  at: count,
  app: z.string(),
  binding: z.string(),
  class: z.string(),
  reason: z.string(),
  fingerprint: z.string(),
  /** The first line of what they died of, without ids, numbers and quoted text. */
  top: z.string(),
  /** Dead letters since the last alert of this group. */
  entries: count,
  /** How many of them the cool-down held back. */
  heldBack: count,
  firstAt: count,
  lastAt: count,
  /** A dispatch that is one of them. */
  example: z.string(),
})
export type Notice = z.infer<typeof notice>

const delivery = z.strictObject({
  to: z.enum(targets),
  /** Tries that failed. */
  failed: count,
  dueAt: count,
})

const group = z.strictObject({
  app: z.string(),
  fingerprint: z.string(),
  /** End of the cool-down. */
  until: count,
  /** What died meanwhile. */
  held: notice.optional(),
  /** To be sent, and where it has not arrived yet. */
  notice: notice.optional(),
  deliveries: z.array(delivery),
})
type Group = z.infer<typeof group>

export const alertState = z.strictObject({
  v: z.literal(1),
  /** ISO 8601, of the journal: in another stream `seq` means nothing. */
  stream: z.string(),
  /** What died up to here has been looked at. */
  seq: count,
  groups: z.array(group),
})
export type AlertState = z.infer<typeof alertState>

/** In the bucket of leases. */
export const alertsKey = (generation: number): string => `alerts.${generation}`

export interface AlertPolicy {
  readonly coolDownMs: number
  readonly targets: readonly Target[]
}

/** One value has to fit a message: a kind of death beyond this many at once is not told of. */
export const groupsMax = 200

/** Ten tries within 21 minutes: longer than whoever receives them needs for a deploy. */
const retry = retryPolicy.parse({
  kind: 'exponential',
  factor: 3,
  maxAttempts: 10,
  jitter: 'none',
})

export const beginningAt = (stream: string, seq: number): AlertState => ({
  v: 1,
  stream,
  seq,
  groups: [],
})

/** Takes what died since, up to `seq`. `left`: deaths that there was no room to tell of. */
export function noted(
  state: AlertState,
  { deaths, seq }: { readonly deaths: readonly Deaths[]; readonly seq: number },
): { readonly state: AlertState; readonly left: number } {
  const groups = new Map(state.groups.map((one) => [keyOf(one), one]))
  let left = 0
  for (const death of deaths) {
    const known = groups.get(keyOf(death))
    if (!known && groups.size >= groupsMax) left += death.entries
    else groups.set(keyOf(death), withDeaths(known, death))
  }
  return { state: { ...state, seq, groups: [...groups.values()] }, left }
}

/** Ends cool-downs: what was held back is to be sent, and who has nothing to say is forgotten. */
export function turned(state: AlertState, now: number, policy: AlertPolicy): AlertState {
  const groups = state.groups.flatMap((one): Group[] => {
    // An alert that has not arrived is not overtaken by the next one of its group.
    if (one.notice || now < one.until) return [one]
    if (!one.held) return []
    const { held, ...same } = one
    const deliveries = policy.targets.map((to) => ({ to, failed: 0, dueAt: now }))
    const until = now + policy.coolDownMs
    return [{ ...same, until, notice: { ...held, at: now }, deliveries }]
  })
  return { ...state, groups }
}

export interface Due {
  readonly notice: Notice
  readonly to: Target
}

/** What is to be sent now, the longest overdue first. */
export function dueAt(state: AlertState, now: number, most: number): readonly Due[] {
  return state.groups
    .flatMap(({ notice: one, deliveries }) =>
      one ? deliveries.map(({ to, dueAt: at }) => ({ notice: one, to, at })) : [],
    )
    .filter(({ at }) => at <= now)
    .sort((a, b) => a.at - b.at)
    .slice(0, most)
}

/** When there is something to do, if nothing dies until then. */
export function nextTurn({ groups }: AlertState): number {
  return Math.min(
    Infinity,
    ...groups.map(({ notice: one, until, deliveries }) =>
      one ? Math.min(...deliveries.map(({ dueAt: at }) => at)) : until,
    ),
  )
}

export type Sent = Due & { readonly ok: boolean }
export interface Settled {
  readonly state: AlertState
  /** Failed for the last time. */
  readonly givenUp: readonly Due[]
}

export function settled(state: AlertState, sent: readonly Sent[], now: number): Settled {
  const givenUp: Due[] = []
  const groups = state.groups.map((one): Group => {
    const own = sent.filter(({ notice: { id } }) => id === one.notice?.id)
    if (own.length === 0) return one
    const deliveries = one.deliveries.flatMap((before) => {
      const tried = own.find(({ to }) => to === before.to)
      if (!tried) return [before]
      if (tried.ok) return []
      const failed = before.failed + 1
      if (failed < retry.maxAttempts) {
        return [{ ...before, failed, dueAt: now + delayMs(retry, failed, 0) }]
      }
      givenUp.push(tried)
      return []
    })
    const { notice: told, ...same } = one
    return deliveries.length > 0 && told
      ? { ...same, notice: told, deliveries }
      : { ...same, deliveries }
  })
  return { state: { ...state, groups }, givenUp }
}

const keyOf = ({ app, fingerprint }: Pick<Group, 'app' | 'fingerprint'>): string =>
  `${app}/${fingerprint}`

function withDeaths(known: Group | undefined, death: Deaths): Group {
  const { app, fingerprint } = death
  // A group that was not there has no cool-down to wait for: its end is in the past.
  const before = known ?? { app, fingerprint, until: 0, deliveries: [] }
  const heldBack = known ? death.entries : 0
  return { ...before, held: withHeld(before.held, death, heldBack) }
}

function withHeld(held: Notice | undefined, death: Deaths, heldBack: number): Notice {
  const { example, firstAt } = held ?? death
  return {
    ...death,
    // Named by the first of them: made again after a crash it is the same.
    id: held?.id ?? `alert_${death.app}_${death.fingerprint}_${death.example}`,
    at: 0,
    example,
    firstAt,
    entries: (held?.entries ?? 0) + death.entries,
    heldBack: (held?.heldBack ?? 0) + heldBack,
  }
}
