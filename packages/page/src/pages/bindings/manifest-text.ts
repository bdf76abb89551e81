import type { Manifest } from '@waybill/core'
import { ruleText } from '../../base/rule.ts'
import { count, duration } from '../../base/text.ts'

/** The settings of a version in words, in the order in which a dispatch meets them. */

type Predicate = NonNullable<Manifest['when']>

export function predicateText(when: Predicate): string {
  if (when.kind === 'cel') return when.text
  return when.async ? 'a function, asked as an effect' : 'a function of the app'
}

export function retryText({ retry }: Pick<Manifest, 'retry'>): string {
  const tries = count(retry.maxAttempts, 'attempt')
  const jitter = retry.jitter === 'full' ? ', spread by chance' : ''
  switch (retry.kind) {
    case 'immediate':
      return `${tries}, at once`
    case 'fixed':
      return `${tries}, ${duration(retry.delayMs)} apart${jitter}`
    case 'linear':
      return `${tries}, each pause ${duration(retry.stepMs)} longer, at most ${duration(retry.capMs)}${jitter}`
    case 'exponential':
      return `${tries}, from ${duration(retry.baseMs)} on times ${retry.factor}, at most ${duration(retry.capMs)}${jitter}`
    case 'svix':
      return `${tries}, after 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 10 h${jitter}`
    case 'list':
      return `${tries}, after ${retry.delaysMs.map(duration).join(', ')}${jitter}`
  }
}

export function limitText({ name, scope, rule, key }: LimitSpec): string {
  const shared =
    scope === 'binding' ? '' : scope === 'app' ? ', shared by the app' : ', by all apps'
  const keyed = key === undefined ? '' : `, for each ${predicateText(key)}`
  return `${name}: ${ruleText(rule)}${keyed}${shared}`
}
export type LimitSpec = NonNullable<Manifest['flow']>['limits'][number]

/** The name under which `flow.list` knows it. */
export const labelOf = (binding: string, { name, scope }: LimitSpec): string =>
  scope === 'binding' ? `${binding}/${name}` : `@${scope}/${name}`

export function handlerText({ handler }: Pick<Manifest, 'handler'>): string {
  const where = handler.isolate ? 'in a process of its own' : 'in the dispatcher'
  return `${handler.kind}, ${where}`
}
