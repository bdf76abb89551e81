import { defaultTimeouts, type Timeouts } from '@waybill/core'
import type { Duration } from './duration.ts'
import type { Issues } from './error.ts'
import { checkNames, inMs, isObject } from './settings.ts'

export interface TimeoutSpec {
  /** Start to end of one attempt; default 30 s. */
  readonly attempt?: Duration
  /** Start of the dispatch to its first attempt; default none. */
  readonly scheduleToStart?: Duration
  /** Start of the dispatch to its end; default 30 d. */
  readonly scheduleToClose?: Duration
  /** For an asynchronous `when`; default 30 s. */
  readonly predicate?: Duration
  /** How long to wait for an instance that has this version's code; default 24 h. */
  readonly versionWait?: Duration
}

const fieldOf = {
  attempt: 'attemptMs',
  scheduleToStart: 'scheduleToStartMs',
  scheduleToClose: 'scheduleToCloseMs',
  predicate: 'predicateMs',
  versionWait: 'versionWaitMs',
} as const satisfies Record<keyof TimeoutSpec, keyof Timeouts>

export function timeoutsOf(spec: unknown, when: unknown, issues: Issues): Timeouts {
  if (spec === undefined) return defaultTimeouts
  if (!isObject(spec)) {
    issues.add('definition.type', 'timeouts', 'is no set of timeouts', "as in { attempt: '30s' }")
    return defaultTimeouts
  }
  checkNames('timeouts.', spec, Object.keys(fieldOf), issues)
  if (spec['predicate'] !== undefined && typeof when !== 'function') {
    const hint = 'CEL is judged at once and needs no timeout'
    issues.add('definition.conflict', 'timeouts.predicate', 'without an asynchronous when', hint)
  }
  const timeouts = { ...defaultTimeouts, ...givenMs(spec, issues) }
  checkOrder('attempt', timeouts.attemptMs, timeouts, issues)
  checkOrder('scheduleToStart', timeouts.scheduleToStartMs ?? 0, timeouts, issues)
  return timeouts
}

function givenMs(spec: Readonly<Record<string, unknown>>, issues: Issues): Partial<Timeouts> {
  const given: { -readonly [Field in keyof Timeouts]?: number } = {}
  for (const [name, field] of Object.entries(fieldOf)) {
    const ms = spec[name] === undefined ? undefined : inMs(`timeouts.${name}`, spec[name], issues)
    if (ms !== undefined) given[field] = ms
  }
  return given
}

function checkOrder(
  name: string,
  ms: number,
  { scheduleToCloseMs }: Timeouts,
  issues: Issues,
): void {
  if (ms <= scheduleToCloseMs) return
  const hint = 'the dispatch would expire first'
  issues.add('definition.conflict', `timeouts.${name}`, 'is longer than scheduleToClose', hint)
}
