import { z } from 'zod'
import type { RuleOf } from './rule.ts'

const count = z.int().nonnegative()
const time = z.int().nonnegative()
const text = z.string().max(1024)

/** Outcomes are counted in twelfths of the window, so that it forgets and stays small. */
const slicesPerWindow = 12

/** What a ledger knows about one destination (rule 8). Replaced as a whole, never changed. */
export const circuit = z.strictObject({
  /** Half-open is open with its time come: who asks then is the probe. */
  state: z.enum(['closed', 'open']),
  /** Failed dispatches in a row. */
  row: count,
  /** `[begin, succeeded, failed]`, oldest first. */
  outcomes: z.array(z.tuple([time, count, count])).max(slicesPerWindow + 1),
  /** When the last of them failed. */
  failedAt: time,
  /** When it was opened or closed; 0: it never was. */
  since: time,
  /** While it is open: from when on somebody may try. */
  until: time,
  /** How long the last opening was to last. */
  openMs: count,
  /** Highest turn that somebody has been told to come back at, since then. */
  turns: count,
  /** How many went through on their turn since it closed. */
  passed: count,
  /** When the probe was let out; 0: none since then. */
  probed: time,
  /** Whose probe failed: it does not try again before others have. */
  failed: z.string().optional(),
  /** Opened by hand with no end: nobody tries until it is closed or probed by hand. */
  held: z.boolean().optional(),
  manual: z.strictObject({ by: text, reason: text, at: time }).optional(),
})
export type Circuit = z.infer<typeof circuit>

/** What another partition than its home knows about a circuit. */
export const circuitView = z.strictObject({
  /** Dispatches are to ask it before they run. */
  open: z.boolean(),
  until: time,
  /** By hand, with no end. */
  held: z.boolean().optional(),
  /** When a dispatch of this partition failed last, 0: none did. */
  failedAt: time,
  /** None has succeeded since. */
  failing: z.boolean(),
})
export type CircuitView = z.infer<typeof circuitView>

type Rule = RuleOf<'circuit'>

export const quietCircuit: Circuit = {
  state: 'closed',
  row: 0,
  outcomes: [],
  failedAt: 0,
  since: 0,
  until: 0,
  openMs: 0,
  turns: 0,
  passed: 0,
  probed: 0,
}

// --- how it comes back -----------------------------------------------------------------------

const rampMs = 1000
/** More than 16,000 a second: whoever is still waiting then does no harm. */
export const rampMsMax = 14 * rampMs

/**
 * When the nth comes, after the first: one, then two in the next second, then four, and so on, each
 * second's evenly within it. No logarithm: engines may round one as they like.
 */
export function rampOf(n: number): number {
  let width = 1
  let seconds = 0
  while (width * 2 <= n) {
    width *= 2
    seconds += 1
  }
  return seconds * rampMs + Math.floor(((n - width) * rampMs) / width)
}

/** How long to wait while a probe is out, of which nobody knows how long it takes. */
export const probeWaitMs = ({ probed }: Circuit, at: number): number =>
  Math.max(rampMs, at - probed)

/** Is a dispatch to ask it first? */
export const isShut = ({ state, since }: Circuit, at: number): boolean =>
  state === 'open' || (since > 0 && at < since + rampMsMax)

// --- what it makes of what it is told --------------------------------------------------------

export interface Outcome {
  readonly dispatch: string
  readonly ok: boolean
  /** It was let through to find out. */
  readonly probe: boolean
}

/** Undefined: nothing that it would remember. */
export function told(
  before: Circuit,
  rule: Rule,
  outcome: Outcome,
  at: number,
): Circuit | undefined {
  const { dispatch, ok, probe } = outcome
  if (before.state === 'open') {
    // Others set out before it was opened: they say nothing about now.
    if (!probe || before.held === true) return undefined
    return ok ? closedAt(before, at) : { ...openedAt(before, rule, at), failed: dispatch }
  }
  if (ok && !listens(before, rule, at)) return undefined
  const counted = countedIn(before, rule, ok, at)
  return trips(counted, rule) ? openedAt(counted, rule, at) : counted
}

/** Successes are worth a word only after failures. */
export const listens = (
  { row, failedAt }: Pick<Circuit, 'row' | 'failedAt'>,
  { windowMs }: Pick<Rule, 'windowMs'>,
  at: number,
): boolean => row > 0 || (failedAt > 0 && at < failedAt + windowMs)

function countedIn(before: Circuit, { windowMs }: Rule, ok: boolean, at: number): Circuit {
  const begin = at - (at % Math.floor(windowMs / slicesPerWindow))
  const [succeeded, failed] = ok ? [1, 0] : [0, 1]
  const outcomes = before.outcomes.filter(([of]) => of > at - windowMs)
  const last = outcomes.at(-1)
  if (last?.[0] === begin)
    outcomes[outcomes.length - 1] = [begin, last[1] + succeeded, last[2] + failed]
  else outcomes.push([begin, succeeded, failed])
  const row = ok ? 0 : before.row + 1
  return { ...before, row, outcomes, failedAt: ok ? before.failedAt : at }
}

function trips({ row, outcomes }: Circuit, { failures, ratePercent, rateMin }: Rule): boolean {
  if (row >= failures) return true
  let all = 0
  let failed = 0
  for (const [, succeeded, lost] of outcomes) {
    all += succeeded + lost
    failed += lost
  }
  return all >= rateMin && failed * 100 >= ratePercent * all
}

/** Longer than the time before, where that is not a window ago. */
function openedAt(before: Circuit, { openMs, openMaxMs, windowMs }: Rule, at: number): Circuit {
  const { manual: _manual, held: _held, ...rest } = before
  const again = before.state === 'open' || (before.since > 0 && at < before.since + windowMs)
  const lasts = Math.min(openMaxMs, again ? Math.max(openMs, before.openMs * 2) : openMs)
  return { ...afresh(rest, at), state: 'open', until: at + lasts, openMs: lasts, failedAt: at }
}

/** Turns are counted from its last opening or closing on. */
const afresh = (before: Circuit, at: number): Circuit => ({
  ...before,
  since: at,
  turns: 0,
  passed: 0,
  probed: 0,
})

function closedAt({ openMs, failedAt }: Circuit, at: number): Circuit {
  return { ...quietCircuit, since: at, openMs, failedAt }
}

// --- what it is told by hand -----------------------------------------------------------------

export const circuitDeed = z.enum(['open', 'close', 'probe'])

export interface Command {
  readonly do: z.infer<typeof circuitDeed>
  readonly by: string
  readonly reason: string
  /** How long it is to stay open; undefined: until it is closed by hand. */
  readonly forMs?: number | undefined
}

/** Undefined: it is not open, so there is nothing to probe. */
export function commanded(
  before: Circuit,
  { openMs }: Pick<Rule, 'openMs'>,
  command: Command,
  at: number,
): Circuit | undefined {
  const { by, reason, forMs } = command
  const manual = { by, reason, at }
  switch (command.do) {
    case 'open': {
      const { held: _held, ...rest } = before
      const until = at + (forMs ?? 0)
      return {
        ...afresh(rest, at),
        state: 'open',
        until,
        openMs: Math.max(openMs, before.openMs),
        manual,
        ...(forMs === undefined && { held: true }),
      }
    }
    case 'close':
      return { ...closedAt(before, at), openMs: 0, manual }
    case 'probe': {
      const { held: _held, ...rest } = before
      return before.state === 'open' ? { ...rest, until: at, manual } : undefined
    }
    default:
      return command.do satisfies never
  }
}

// --- what is forgotten -----------------------------------------------------------------------

const rowRememberedMs = 24 * 3_600_000

/** A row of failures is remembered for a day, anything else for a window. */
export function isQuiet({ state, row, since, failedAt }: Circuit, rule: Rule, at: number): boolean {
  if (state === 'open') return false
  const rememberedMs = row > 0 ? Math.max(rowRememberedMs, rule.windowMs) : rule.windowMs
  return at >= Math.max(since + rampMsMax, failedAt, since) + rememberedMs
}

/**
 * That one is open is forgotten where nobody has asked for as long as a dispatch can live: should it
 * still be, the next failure tells. What an operator holds open is not forgotten.
 */
export function isQuietView(view: CircuitView, at: number): boolean {
  const { open, until, held, failing, failedAt } = view
  if (open) return held !== true && at >= Math.max(until, failedAt) + openRememberedMs
  return at >= failedAt + (failing ? rowRememberedMs : windowMsMax)
}

const openRememberedMs = 30 * rowRememberedMs

/** Of any rule: what is kept longer does no harm. */
const windowMsMax = 3_600_000
