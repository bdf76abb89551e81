import type { Timeouts } from '@waybill/core'
import type { Issues } from './error.ts'
import type { DraftLimit } from './limit.ts'

type Settings = Readonly<Record<string, unknown>>

/** Settings of flow control that exclude each other, or that nothing could come of. */
export function checkTogether(
  spec: Settings,
  limits: readonly DraftLimit[],
  timeouts: Timeouts,
  issues: Issues,
): void {
  checkBatch(spec, issues)
  checkKey(spec, issues)
  checkHolding(spec, limits, issues)
  for (const limit of limits) checkWaits(limit, timeouts, issues)
}

const beside = ['key', 'debounce', 'rateLimit', 'throttle', 'singleton'] as const

function checkBatch(spec: Settings, issues: Issues): void {
  if (spec['batch'] === undefined) return
  for (const other of beside.filter((name) => spec[name] !== undefined)) {
    const hint = 'a batch goes with concurrency only'
    issues.add('definition.conflict', `flow.${other}`, 'does not go with batch', hint)
  }
}

function checkKey({ key, singleton }: Settings, issues: Issues): void {
  if (key === undefined || singleton === undefined) return
  const hint = "policy 'reject' is mode 'skip', policy 'interrupt' is mode 'replace'"
  const message = 'flow.key lets one run at a time already'
  issues.add('definition.conflict', 'flow.singleton', message, hint)
}

function checkHolding(
  { holdWhileRetrying, singleton, concurrency }: Settings,
  limits: readonly DraftLimit[],
  issues: Issues,
): void {
  if (holdWhileRetrying !== true || singleton !== undefined || concurrency !== undefined) return
  const hint = limits.some(({ path }) => path === 'flow.key')
    ? 'the permit of flow.key is kept always'
    : 'permits of singleton and concurrency are what can be kept'
  issues.add('definition.conflict', 'flow.holdWhileRetrying', 'there is nothing to hold', hint)
}

/** Gathering and quiet take their time: it has to be there. */
function checkWaits({ limit: { rule }, path }: DraftLimit, timeouts: Timeouts, issues: Issues) {
  if (rule.kind === 'batch') {
    checkExpiry(`${path}.timeout`, rule.timeoutMs, timeouts, issues)
  }
  if (rule.kind !== 'debounce') return
  checkExpiry(`${path}.period`, rule.periodMs, timeouts, issues)
  if (rule.maxWaitMs !== undefined && rule.maxWaitMs < rule.periodMs) {
    const hint = 'the newest would run before there could be quiet'
    issues.add('definition.conflict', `${path}.maxWait`, 'is shorter than period', hint)
  }
}

function checkExpiry(
  path: string,
  ms: number,
  { scheduleToStartMs, scheduleToCloseMs }: Timeouts,
  issues: Issues,
): void {
  const tooLong = [
    ['scheduleToStart', scheduleToStartMs],
    ['scheduleToClose', scheduleToCloseMs],
  ] as const
  const [first] = tooLong.filter(([, bound]) => bound !== undefined && ms >= bound)
  if (!first) return
  const hint = 'the dispatch would expire first'
  issues.add('definition.conflict', path, `is not shorter than timeouts.${first[0]}`, hint)
}
