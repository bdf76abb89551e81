import {
  byOrder,
  manifest,
  placeOf,
  rule as ruleSchema,
  type Hash,
  type KeyedLimit,
  type Manifest,
  type Place,
  type Rule,
} from '@waybill/core'
import { usage } from '../error.ts'

/** One `--set <binding>.<path>=<value>`. */
export interface Change {
  readonly binding: string
  readonly path: readonly string[]
  readonly value: number | string | boolean
  readonly text: string
}

const form = 'as in --set ship.flow.concurrency.max=1 or --set ship.retry.maxAttempts=3'

export function parseChange(text: string): Change {
  const at = text.indexOf('=')
  const [binding = '', ...path] = text.slice(0, Math.max(0, at)).split('.')
  if (at < 0 || binding === '' || path.length < 2)
    throw usage('--set is not understood', text, form)
  return { binding, path, value: valueOf(text.slice(at + 1)), text }
}

function valueOf(text: string): Change['value'] {
  if (text === 'true' || text === 'false') return text === 'true'
  const number = Number(text)
  return text !== '' && Number.isFinite(number) ? number : text
}

/** A manifest under the changes that name its binding. @throws CliError for what does not fit it */
export function changed(before: Manifest, changes: readonly Change[]): Manifest {
  let after: unknown = structuredClone(before)
  for (const change of changes.filter(({ binding }) => binding === before.id)) {
    after =
      change.path[0] === 'flow'
        ? withLimit(after as Manifest, change) // a clone of one, or what this loop made of it
        : withValue(after as Record<string, unknown>, change.path, change)
  }
  const checked = manifest.safeParse(after)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  throw usage(
    'the changed settings do not fit',
    `${before.id}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
    form,
  )
}

function withValue(
  target: Record<string, unknown>,
  [name = '', ...rest]: readonly string[],
  change: Change,
): Record<string, unknown> {
  const inner = target[name]
  if (rest.length === 0) {
    if (inner === undefined && !(name in target)) {
      const known = Object.keys(target).join(', ')
      throw usage('there is no such setting', change.text, `known here: ${known}`)
    }
    return { ...target, [name]: change.value }
  }
  if (typeof inner !== 'object' || inner === null) {
    const known = Object.keys(target).join(', ')
    throw usage('there is no such setting', change.text, `known here: ${known}`)
  }
  return { ...target, [name]: withValue({ ...inner }, rest, change) }
}

const kinds: readonly Rule['kind'][] = ruleSchema.options.map(({ shape }) => shape.kind.value)

/** Changes a number of a limit by its name, or adds a limit of that kind for the whole binding. */
function withLimit(before: Manifest, change: Change): Manifest {
  const [, name = '', number = ''] = change.path
  const { limits, holdWhileRetrying } = before.flow ?? { limits: [], holdWhileRetrying: false }
  if (name === 'holdWhileRetrying') {
    return { ...before, flow: { limits, holdWhileRetrying: change.value === true } }
  }
  const known = limits.find((limit) => limit.name === name) ?? added(before, name, change)
  // What is wrong with it is told by the manifest's own schema.
  const rule = { ...known.rule, [number]: change.value }
  const rest = limits.filter((limit) => limit.name !== name)
  return {
    ...before,
    flow: { holdWhileRetrying, limits: [...rest, { ...known, rule }].sort(byOrder) },
  }
}

function added({ id, flow }: Manifest, name: string, change: Change): KeyedLimit {
  const kind = kinds.find((one) => one === name)
  // Its numbers are brought by the changes.
  if (kind !== undefined) return { name, scope: 'binding', rule: { kind } as Rule }
  const names = flow?.limits.map((limit) => limit.name).join(', ') ?? 'none'
  const hint = `its limits: ${names}; or add ${kinds.join(', ')}`
  throw usage(`${id} has no limit ${name}`, change.text, hint)
}

/**
 * The places of an event's ledgers under the changed manifest: those that were recorded, and one for
 * a limit that was added, which has no key.
 */
export function placesUnder(
  before: Manifest,
  after: Manifest,
  recorded: readonly Place[] | undefined,
  { hash, slots, tenant }: { readonly hash: Hash; readonly slots: number; readonly tenant: string },
): Place[] | undefined {
  const limits = after.flow?.limits
  if (!limits) return undefined
  const known = before.flow?.limits ?? []
  return limits.map((limit) => {
    const at = known.findIndex(({ name, scope }) => name === limit.name && scope === limit.scope)
    const place = recorded?.[at]
    return place ?? placeOf(limit, undefined, { hash, slots, binding: after.id, tenant })
  })
}
