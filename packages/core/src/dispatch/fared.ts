import type { Manifest } from '../binding.ts'
import type { DispatchEvent } from './event.ts'

/**
 * Does what happened say how its destination fares (rule 8)? A permanent error, a loss, a refusal or
 * an operator says nothing about it.
 */
export function faredOf(event: DispatchEvent): 'well' | 'badly' | undefined {
  if (event.type === 'attempt.succeeded') return 'well'
  if (event.type === 'timer.due') return event.timer === 'attempt' ? 'badly' : undefined
  if (event.type !== 'attempt.failed') return undefined
  const { class: of } = event.error
  return of === 'retryable' || of === 'timeout' ? 'badly' : undefined
}

/** The index of a binding's circuit among its limits: it is the last one. */
export function circuitOf({ flow }: Pick<Manifest, 'flow'>): number | undefined {
  const last = (flow?.limits.length ?? 0) - 1
  return flow?.limits[last]?.rule.kind === 'circuit' ? last : undefined
}
