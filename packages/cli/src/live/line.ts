import type { LiveTransition } from '@waybill/projections'
import { dim, state } from '../output.ts'
import { clock, duration, shortId } from '../text.ts'

/** One transition as it is told. */
export interface LiveStep extends LiveTransition {
  readonly app: string
  readonly slot: number
  /** Sequence of its bundle in the journal. */
  readonly seq: number
  /** Since its transition before, when we saw that one. */
  readonly sinceMs?: number | undefined
  /** More than its error class, where more is known. */
  readonly why?: string | undefined
}

/** `12:00:01.123  1-2-ab12cd34  label@v1  attempting → ✓ succeeded  attempt.succeeded  try 1  +31 ms` */
export function lineOf(step: LiveStep): string {
  const { at, dispatch, binding, from, to, event, type, attempt, sinceMs, why, errorClass } = step
  const parts = [
    dim(clock(at)),
    shortId(dispatch),
    binding.padEnd(22),
    `${(from ?? '·').padStart(10)} → ${state(to)}`,
    dim(from === null ? type : event),
    attempt > 0 ? dim(`try ${attempt}`) : '',
    sinceMs === undefined ? '' : dim(`+${duration(sinceMs)}`),
    dim([why, errorClass].filter((part) => part !== undefined).join(' ')),
  ]
  return parts.filter((part) => part !== '').join('  ')
}
