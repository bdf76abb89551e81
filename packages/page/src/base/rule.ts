import type { Rule, RuleKind, RulePatch } from '@waybill/core'
import { count, duration, parseDuration } from './text.ts'

/** A rule as a person would say it: `at most 6 at once`. */
export function ruleText(rule: Rule): string {
  switch (rule.kind) {
    case 'concurrency':
      return `at most ${rule.max} at once`
    case 'throttle':
      return `${rule.max} every ${duration(rule.periodMs)}, the others wait`
    case 'rateLimit':
      return `${rule.max} every ${duration(rule.periodMs)}, the others are skipped`
    case 'singleton':
      return rule.mode === 'skip' ? 'one; others are skipped' : 'one; a newer one takes its place'
    case 'debounce': {
      const most = rule.maxWaitMs === undefined ? '' : `, after ${duration(rule.maxWaitMs)} at most`
      return `the last one, after ${duration(rule.periodMs)} of quiet${most}`
    }
    case 'batch':
      return `batches of ${rule.size}, or what there is after ${duration(rule.timeoutMs)}`
    case 'circuit':
      return `opens after ${count(rule.failures, 'failure')} in a row, or ${rule.ratePercent} % of at least ${rule.rateMin} within ${duration(rule.windowMs)}; for ${duration(rule.openMs)}, at most ${duration(rule.openMaxMs)}`
  }
}

type PatchName = keyof NonNullable<RulePatch>

/** The numbers of a rule that may be set while it is in force, as `patched` of core has them. */
export const settable: { readonly [K in RuleKind]: readonly PatchName[] } = {
  batch: ['size', 'timeoutMs'],
  debounce: ['periodMs', 'maxWaitMs'],
  rateLimit: ['max', 'periodMs'],
  throttle: ['max', 'periodMs'],
  singleton: [],
  concurrency: ['max'],
  circuit: ['failures', 'ratePercent', 'rateMin', 'openMs', 'openMaxMs'],
}

export const settableLabels: { readonly [K in PatchName]: string } = {
  max: 'at most',
  periodMs: 'period',
  size: 'size',
  timeoutMs: 'time to wait for a full one',
  maxWaitMs: 'longest wait',
  failures: 'failures in a row',
  ratePercent: 'or so many percent',
  rateMin: 'of at least',
  openMs: 'stays open for',
  openMaxMs: 'and at most for',
}

export const isLength = (name: string): boolean => name.endsWith('Ms')

/** The number as it is typed: `30`, or `2s` where it is a length of time. */
export function numberText(rule: Rule, name: PatchName): string {
  const value = (rule as Readonly<Record<string, unknown>>)[name]
  if (typeof value !== 'number') return ''
  return isLength(name) ? lengthText(value) : String(value)
}

/** Exact, other than `duration`: what is typed back must be the same number. */
export function lengthText(ms: number): string {
  for (const [unit, size] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`
  }
  return `${ms}ms`
}

/** What was typed, as a patch of what differs from the rule in force; or what is wrong with it. */
export function patchOf(
  rule: Rule,
  typed: Readonly<Partial<Record<PatchName, string>>>,
): { readonly patch: NonNullable<RulePatch>; readonly wrong: Partial<Record<PatchName, string>> } {
  const patch: Partial<Record<PatchName, number>> = {}
  const wrong: Partial<Record<PatchName, string>> = {}
  for (const name of settable[rule.kind]) {
    const text = typed[name]?.trim() ?? ''
    if (text === numberText(rule, name)) continue
    const value = wholeOf(name, text)
    if (value !== undefined) patch[name] = value
    else wrong[name] = isLength(name) ? 'a length of time, as in 500ms, 2s or 5m' : 'a count from 1'
  }
  return { patch, wrong }
}

function wholeOf(name: PatchName, text: string): number | undefined {
  const value = isLength(name) ? parseDuration(text) : text === '' ? undefined : Number(text)
  return value !== undefined && Number.isSafeInteger(value) && value >= 1 ? value : undefined
}
