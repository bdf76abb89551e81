import { isToken, labelOf, rule, type KeyedLimit, type Rule } from '@waybill/core'
import type { Shape } from '../cel/shape.ts'
import { quote, type Issues } from './error.ts'
import type { Duration } from './duration.ts'
import type { Flow } from './flow.ts'
import type { Key } from './flow-settings.ts'
import { functionIn, valuesOf, type DraftLimit } from './limit.ts'
import { keyOf } from './predicate.ts'
import { checkNames, isObject } from './settings.ts'

/** The breaker of a destination that the handler calls (rule 8). */
export interface CircuitSettings<Event> {
  /** What is called, one circuit for each tenant and each of these: CEL, as in `event.data.host`. */
  readonly destination: Key<Event>
  /** Bindings that name the same circuit count together; 'circuit' where nothing is said. */
  readonly name?: string
  /** It opens when so many dispatches in a row have failed; default 5 ... */
  readonly failures?: number
  /** ... or so many in a hundred (50) of at least `rateMin` (10) within `window` (1m). */
  readonly ratePercent?: number
  readonly rateMin?: number
  readonly window?: Duration
  /** Until one may try; 1m. Doubled each time that goes wrong, up to `openMax`; 10m. */
  readonly open?: Duration
  readonly openMax?: Duration
  /** Meanwhile dispatches wait, which spends no attempt, or are dead-lettered; default 'defer'. */
  readonly whenOpen?: 'defer' | 'dlq'
}

type Settings = Readonly<Record<string, unknown>>

const fields: Readonly<Record<string, string>> = {
  failures: 'failures',
  ratePercent: 'ratePercent',
  rateMin: 'rateMin',
  window: 'windowMs',
  open: 'openMs',
  openMax: 'openMaxMs',
  whenOpen: 'whenOpen',
}

const minuteMs = 60_000
const defaults = {
  failures: 5,
  ratePercent: 50,
  rateMin: 10,
  windowMs: minuteMs,
  openMs: minuteMs,
  whenOpen: 'defer',
}

const example = "'payments-api', or an object as in { destination: 'event.data.host' }"

/** @param flow the binding's other limits: the circuit comes after them */
export function withCircuit(flow: Flow, spec: unknown, data: Shape, issues: Issues): Flow {
  const circuit = spec === undefined ? undefined : circuitOf(spec, data, issues)
  if (!circuit) return flow
  const { limits = [], holdWhileRetrying = false } = flow.flow ?? {}
  const label = labelOf('', circuit.limit)
  if (limits.some((limit) => labelOf('', limit) === label)) {
    const message = `${circuit.limit.name} is a limit of flow already`
    issues.add('definition.duplicate', 'circuit.name', message, 'give one of them another name')
    return flow
  }
  return {
    flow: { limits: [...limits, circuit.limit], holdWhileRetrying },
    keys: [...flow.keys, circuit.run],
  }
}

function circuitOf(spec: unknown, data: Shape, issues: Issues): DraftLimit | undefined {
  const before = issues.all.length
  const settings = settingsOf(spec, issues)
  if (!settings) return undefined
  checkNames('circuit.', settings, ['destination', 'name', ...Object.keys(fields)], issues)
  const { destination, name = 'circuit' } = settings
  if (destination === undefined) {
    issues.add('definition.missing', 'circuit.destination', 'what is called', example)
  }
  if (typeof name !== 'string' || !isToken(name)) {
    const hint = '1 to 64 letters, digits, _ and -'
    issues.add('definition.type', 'circuit.name', `${quote(name)} is no name`, hint)
  }
  const key = keyOf('circuit.destination', destination, data, issues)
  const checked = ruleOf(settings, issues)
  if (!checked || !key || issues.all.length > before) return undefined
  // A token, or there would be an issue.
  const limit: KeyedLimit = { name: name as string, scope: 'app', rule: checked, key }
  return { limit, path: 'circuit', run: functionIn(destination) }
}

/** A text alone is the destination itself. */
function settingsOf(spec: unknown, issues: Issues): Settings | undefined {
  if (typeof spec === 'string' && spec !== '') return { destination: JSON.stringify(spec) }
  if (isObject(spec)) return spec
  return issues.add('definition.type', 'circuit', `${quote(spec)} is no circuit`, example)
}

function ruleOf(settings: Settings, issues: Issues): Rule | undefined {
  const values: Record<string, unknown> = {
    ...defaults,
    ...valuesOf('circuit', fields, settings, issues),
  }
  const openMs = Number(values['openMs'])
  values['openMaxMs'] ??= Math.max(10 * minuteMs, openMs)
  const parsed = rule.safeParse({ kind: 'circuit', ...values })
  for (const { path, message } of parsed.error?.issues ?? []) {
    const [name = ''] = Object.entries(fields).find(([, field]) => field === path[0]) ?? []
    issues.add('definition.range', `circuit.${name}`, message, example)
  }
  if (Number(values['openMaxMs']) < openMs) {
    issues.add('definition.conflict', 'circuit.openMax', 'is shorter than open')
  }
  return parsed.data
}
