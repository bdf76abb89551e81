import type { ResponseOf } from '@waybill/api'

type CircuitAnswer = ResponseOf<'circuit.list'>
export type Circuit = CircuitAnswer['circuits'][number]
export type CircuitLimit = CircuitAnswer['limits'][number]

const order = ['open', 'half_open', 'closed']

/** What turns dispatches back first; then by name. */
export function circuitsOf(answers: readonly CircuitAnswer[]): readonly Circuit[] {
  return answers
    .flatMap(({ circuits }) => circuits)
    .sort(
      (a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (nameOf(a) < nameOf(b) ? -1 : 1),
    )
}

/** What is deployed, once each, whoever leads its partitions. */
export function limitsOf(answers: readonly CircuitAnswer[]): readonly CircuitLimit[] {
  const all = answers.flatMap(({ limits }) => limits)
  return [...new Map(all.map((one) => [`${one.app} ${one.limit}`, one])).values()]
}

export const nameOf = ({ limit, key }: Pick<Circuit, 'limit' | 'key'>): string => `${limit}:${key}`

/** Somebody may try now, later, or not before it is closed by hand. */
export type Probe =
  | { readonly kind: 'none' }
  | { readonly kind: 'running'; readonly dispatch: string }
  | { readonly kind: 'now' }
  | { readonly kind: 'at'; readonly at: number }
  | { readonly kind: 'by hand' }

export function probeOf({ state, until, probe }: Circuit): Probe {
  if (state === 'closed') return { kind: 'none' }
  if (probe !== undefined) return { kind: 'running', dispatch: probe }
  if (state === 'half_open') return { kind: 'now' }
  return until === undefined ? { kind: 'by hand' } : { kind: 'at', at: until }
}
