import fc from 'fast-check'
import {
  byOrder,
  defaultTimeouts,
  keyLimit,
  labelOf,
  type KeyedLimit,
  type Manifest,
  type Rule,
  type RuleKind,
  type RulePatch,
} from '../../src/index.ts'
import { binding as plainBinding } from '../binding.ts'
import { app, type World } from './world.ts'

const minuteMs = 60_000

export const binding = (over: Partial<Manifest> = {}): Manifest =>
  plainBinding({ id: 'one', on: ['sale'], ...over })

export interface Limiting {
  readonly name?: string
  readonly scope?: KeyedLimit['scope']
  readonly keyed?: boolean
}

const byKey = { kind: 'cel', text: 'event.data.key' } as const

export const limitOn = (rule: Rule, { name, scope = 'binding', keyed }: Limiting = {}) =>
  ({
    name: name ?? rule.kind,
    scope,
    rule,
    ...(keyed === true && { key: byKey }),
  }) satisfies KeyedLimit

export const gated = (limits: readonly KeyedLimit[], over: Partial<Manifest> = {}): Manifest =>
  binding({ flow: { limits: limits.toSorted(byOrder), holdWhileRetrying: false }, ...over })

export function deploy(world: World, manifests: readonly Manifest[]): void {
  world.defs.push({
    v: 1,
    kind: 'deploy',
    app,
    number: world.defs.length + 1,
    at: world.now,
    by: 'test',
    manifests: [...manifests],
    active: manifests.map(({ id, version }) => `${id}@v${version}`),
    eventsFrom: { stream: 'EVENTS_g1', seq: 0 },
  })
}

export function setLimit(world: World, limit: string, rule: RulePatch): void {
  world.defs.push({
    v: 1,
    kind: 'limit',
    app,
    number: world.defs.length + 1,
    at: world.now,
    by: 'op',
    reason: 'test',
    limit,
    rule,
  })
}

// --- any app ---------------------------------------------------------------------------------

const small = fc.constantFrom(1, 1, 2, 3)
const period = fc.constantFrom(500, 1000, 5000, 20_000)

/** Circuits have a world of their own. */
type Gated = Exclude<RuleKind, 'circuit'>

const rules: { readonly [K in Gated]: fc.Arbitrary<Rule> } = {
  batch: fc.record({
    kind: fc.constant('batch'),
    size: fc.constantFrom(1, 2, 3, 5),
    timeoutMs: period,
    bytesMax: fc.constantFrom(undefined, 100, 250),
  }) as fc.Arbitrary<Rule>,
  debounce: fc.record({
    kind: fc.constant('debounce'),
    periodMs: period,
    maxWaitMs: fc.constantFrom(undefined, 6000),
  }) as fc.Arbitrary<Rule>,
  rateLimit: fc.record({ kind: fc.constant('rateLimit'), max: small, periodMs: period }),
  throttle: fc.record({ kind: fc.constant('throttle'), max: small, periodMs: period }),
  singleton: fc.record({
    kind: fc.constant('singleton'),
    mode: fc.constantFrom('skip', 'replace'),
  }) as fc.Arbitrary<Rule>,
  concurrency: fc.record({ kind: fc.constant('concurrency'), max: small }),
}

const scope = fc.constantFrom('binding' as const, 'app' as const, 'global' as const)

const limitOf = (kind: Gated, name: string): fc.Arbitrary<KeyedLimit> =>
  fc
    .record({ rule: rules[kind], scope, keyed: fc.boolean() })
    .map(({ rule, scope: wide, keyed }) => limitOn(withoutGaps(rule), { name, scope: wide, keyed }))

/** Manifests say nothing where there is nothing to say. */
const withoutGaps = (rule: Rule): Rule =>
  // The names that are left are the rule's own.
  Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined)) as Rule

const orderOfKey: fc.Arbitrary<KeyedLimit> = fc
  .constantFrom<Rule>(
    { kind: 'concurrency', max: 1 },
    { kind: 'singleton', mode: 'replace' },
    { kind: 'singleton', mode: 'skip' },
  )
  .map((rule) => limitOn(rule, { name: keyLimit, keyed: true }))

const mixed = fc
  .constantFrom<Gated>('rateLimit', 'throttle', 'singleton', 'concurrency')
  .chain((kind) => limitOf(kind, 'mixed'))

const many = fc
  .tuple(
    ...(['debounce', 'rateLimit', 'throttle', 'singleton'] as const).map((kind) =>
      fc.option(limitOf(kind, kind), { freq: 2, nil: undefined }),
    ),
    fc.option(orderOfKey, { nil: undefined }),
    fc.option(limitOf('concurrency', 'concurrency'), { freq: 4, nil: undefined }),
    fc.option(limitOf('concurrency', 'second'), { nil: undefined }),
    // Of another kind with each version, under one name.
    fc.option(mixed, { freq: 4, nil: undefined }),
  )
  .map((limits) => limits.filter((one) => one !== undefined))

const batches = fc
  .tuple(limitOf('batch', 'batch'), fc.option(limitOf('concurrency', 'concurrency')))
  .map((limits) => limits.filter((one) => one !== null))

const limits = fc.oneof(
  { weight: 4, arbitrary: many },
  { weight: 1, arbitrary: batches },
  ...(Object.keys(rules) as Gated[]).map((kind) => ({
    weight: 1,
    arbitrary: limitOf(kind, kind).map((one) => [one]),
  })),
)

const retry: fc.Arbitrary<Manifest['retry']> = fc.constantFrom(
  { kind: 'immediate', maxAttempts: 1, jitter: 'none' },
  { kind: 'fixed', delayMs: 1000, maxAttempts: 3, jitter: 'none' },
  { kind: 'fixed', delayMs: 1000, maxAttempts: 2, jitter: 'full' },
)

const manifestOf = (id: string): fc.Arbitrary<Manifest> =>
  fc
    .record({
      limits,
      holdWhileRetrying: fc.boolean(),
      priority: fc.constantFrom('critical' as const, 'normal' as const, 'low' as const),
      retry,
      startMs: fc.constantFrom(undefined, undefined, 3000, minuteMs),
      on: fc.constantFrom('sale', '>'),
    })
    .map(({ limits: taken, holdWhileRetrying, priority, retry: policy, startMs, on }) =>
      binding({
        id,
        on: [on],
        priority,
        retry: policy,
        timeouts: {
          ...defaultTimeouts,
          ...(startMs !== undefined && { scheduleToStartMs: startMs }),
        },
        ...(taken.length > 0 && {
          flow: { limits: taken.toSorted(byOrder), holdWhileRetrying },
        }),
      }),
    )

/** The bindings of an app; versions are given when it is deployed. */
export const anyApp: fc.Arbitrary<readonly Manifest[]> = fc
  .tuple(manifestOf('one'), fc.option(manifestOf('two'), { nil: undefined }))
  .map((manifests) => manifests.filter((one) => one !== undefined))

export const versioned = (world: World, manifests: readonly Manifest[]): readonly Manifest[] =>
  manifests.map((one) => binding({ ...one, version: world.defs.length + 1 }))

export const labelsOf = ({ id, flow }: Manifest): readonly string[] =>
  (flow?.limits ?? []).map((limit) => labelOf(id, limit))

export const anyPatch: fc.Arbitrary<RulePatch> = fc.oneof(
  fc.constant(null),
  small.map((max) => ({ max })),
  period.map((periodMs) => ({ periodMs })),
  fc.constantFrom(1, 2, 4).map((size) => ({ size })),
)
