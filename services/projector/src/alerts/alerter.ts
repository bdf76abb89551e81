import { type Clock, type Keeper, sleepUntil } from '@waybill/engine'
import type { Deaths } from '@waybill/projections'
import type { Send } from './send.ts'
import {
  type AlertPolicy,
  type AlertState,
  beginningAt,
  dueAt,
  type Due,
  nextTurn,
  noted,
  type Sent,
  settled,
  type Target,
  turned,
} from './state.ts'

/** What became of it; the caller counts and logs. */
export type AlertNews =
  | { readonly kind: 'sent' | 'given_up'; readonly due: Due }
  | { readonly kind: 'failed'; readonly due: Due; readonly why: string }
  | { readonly kind: 'held_back'; readonly entries: number }
  | { readonly kind: 'left'; readonly entries: number }
  | { readonly kind: 'trouble'; readonly cause: unknown }

export interface AlerterOptions {
  /** Of all projectors one sends. */
  readonly keeper: Keeper<AlertState>
  readonly clock: Clock
  readonly coolDownMs: number
  readonly senders: Partial<Record<Target, Send>>
  readonly journal: {
    /** ISO 8601; where the journal ended when nobody had looked for deaths yet. */
    readonly createdAt: string
    readonly horizon: number
    /** How far it is in the rows. */
    readonly applied: () => number
    readonly deathsWithin: (range: { after: number; upTo: number }) => Promise<readonly Deaths[]>
  }
  readonly onNews: (news: AlertNews) => void
}

export interface Alerter {
  /** Something died, and is in the rows. Costs nothing. */
  poke(): void
  run(signal: AbortSignal): Promise<void>
}

/** What dies in a burst is told of at once, as one. */
const gatherMs = 250
/** A keeper is heard this often, and others look after it. */
const beatMs = 5000
/** Messages under way at once: each is given 10 s, and the keeper has to be heard meanwhile. */
const sendsAtOnce = 16

export function createAlerter(options: AlerterOptions): Alerter {
  const { keeper, clock, journal, onNews } = options
  const bell = createBell(clock)
  let kept: AlertState | undefined

  /** When to look again. */
  async function turn(signal: AbortSignal): Promise<number> {
    const now = clock.now()
    const before = kept ?? (await keeper.take(beginning(journal)))
    // Forgotten until it is written: whoever was replaced meanwhile asks first.
    kept = undefined
    if (!before) return now + beatMs
    const state = await lookThrough(options, before, now)
    if (!(await keeper.keep(state))) return now + beatMs
    const due = dueAt(state, now, sendsAtOnce)
    const after = due.length === 0 ? state : await sendAll(options, state, due, signal)
    if (after !== state && !(await keeper.keep(after))) return now + beatMs
    kept = after
    return Math.min(now + beatMs, nextTurn(after))
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let until = clock.now() + beatMs
      try {
        until = await turn(signal)
      } catch (cause) {
        kept = undefined
        if (!signal.aborted) onNews({ kind: 'trouble', cause })
      }
      await bell.rung(until, signal)
    }
    await keeper.release()
  }

  return { run, poke: bell.ring }
}

const beginning = ({ createdAt, horizon }: AlerterOptions['journal']): AlertState =>
  beginningAt(createdAt, horizon)

/** Takes what died since, and ends the cool-downs that are over. */
async function lookThrough(
  { coolDownMs, senders, journal, onNews }: AlerterOptions,
  found: AlertState,
  now: number,
): Promise<AlertState> {
  const policy: AlertPolicy = { coolDownMs, targets: Object.keys(senders) as Target[] } // its keys
  const state = found.stream === journal.createdAt ? found : beginning(journal)
  const seq = Math.max(state.seq, journal.applied())
  const calm = turned(state, now, policy)
  const deaths = await journal.deathsWithin({ after: state.seq, upTo: seq })
  const taken = noted(calm, { deaths, seq })
  if (taken.left > 0) onNews({ kind: 'left', entries: taken.left })
  const heldBack = heldIn(taken.state) - heldIn(calm)
  if (heldBack > 0) onNews({ kind: 'held_back', entries: heldBack })
  return turned(taken.state, now, policy)
}

const heldIn = ({ groups }: AlertState): number =>
  groups.reduce((sum, { held }) => sum + (held?.heldBack ?? 0), 0)

async function sendAll(
  options: AlerterOptions,
  state: AlertState,
  due: readonly Due[],
  signal: AbortSignal,
): Promise<AlertState> {
  const sent = await Promise.all(due.map((one) => deliver(options, one, signal)))
  if (signal.aborted) return state
  const { state: after, givenUp } = settled(state, sent, options.clock.now())
  for (const one of givenUp) options.onNews({ kind: 'given_up', due: one })
  return after
}

async function deliver(
  { senders, onNews }: AlerterOptions,
  due: Due,
  signal: AbortSignal,
): Promise<Sent> {
  const send = senders[due.to]
  // Nobody wants it sent there any more.
  if (!send) return { ...due, ok: true }
  const why = await send(due.notice, signal)
  onNews(why === undefined ? { kind: 'sent', due } : { kind: 'failed', due, why })
  return { ...due, ok: why === undefined }
}

/** Wakes at a time or when it is rung, and then lets more come together. */
function createBell(clock: Clock) {
  let rung = Promise.withResolvers<void>()
  return {
    ring: () => rung.resolve(),
    async rung(until: number, signal: AbortSignal): Promise<void> {
      const awake = new AbortController()
      const either = AbortSignal.any([signal, awake.signal])
      await Promise.race([rung.promise, sleepUntil(clock, until, either)])
      awake.abort()
      await sleepUntil(clock, clock.now() + gatherMs, signal)
      rung = Promise.withResolvers()
    },
  }
}
