import { labelIn, type DispatchRecord, type Numbers } from '@waybill/core'
import { canonicalJson } from './json.ts'

/** Why a dispatch is held: the limit that it waits in, or the circuit that turned it back. */
export interface Held {
  /** The ledger: its limit, and a hash of the key where it has one. */
  readonly gate: string
  /** `<binding>/<name>`, `@app/<name>` or `@global/<name>`. */
  readonly limit: string
  /** Of that moment. */
  readonly numbers: Numbers
  readonly since: number
  /** When it asks again; none: it is told when its turn has come. */
  readonly until?: number
  /** The same for people. */
  readonly why: string
}

type Stored = Pick<Held, 'gate' | 'numbers' | 'since' | 'until'>

/** As a row has it; null: nothing holds it, or it has not been told yet. */
export function heldOf({ state, flow, timers, at }: DispatchRecord): string | null {
  if (!flow?.why || (state !== 'flowGated' && state !== 'retryWait')) return null
  const until = state === 'retryWait' ? timers.retry : undefined
  const stored: Stored = {
    ...flow.why,
    since: flow.since ?? at,
    ...(until !== undefined && { until }),
  }
  return canonicalJson(stored)
}

export function readHeld(column: string): Held {
  const stored = JSON.parse(column) as Stored // written by heldOf
  return { ...stored, limit: labelIn(stored.gate), why: whyHeld(stored) }
}

function whyHeld({ gate, numbers, until }: Stored): string {
  const told = numbersText(numbers)
  const by = told === '' ? labelIn(gate) : `${labelIn(gate)} (${told})`
  return until === undefined ? `waits in ${by}` : `turned back by ${by} until ${timeText(until)}`
}

/** `used 1, max 1`; times as times. */
export const numbersText = (numbers: Numbers): string =>
  Object.entries(numbers)
    .sort(([a], [b]) => rankOf(a) - rankOf(b))
    .map(([name, value]) => `${name} ${isTime(value) ? timeText(value) : value}`)
    .join(', ')

/** As a person would say it; the journal has names in the order of the alphabet. */
const order = ['used', 'max', 'gathered', 'size', 'failures']
const rankOf = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length)

/** No count comes near to epoch ms. */
const isTime = (value: number): boolean => value > 1e11
const timeText = (ms: number): string => new Date(ms).toISOString()
