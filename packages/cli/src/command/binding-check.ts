import type { Manifest } from '@waybill/core'
import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { bold, dim, state } from '../output.ts'
import { count } from '../text.ts'
import { disputed } from '../view/dispute.ts'

export function check(noun: Command): void {
  noun
    .command('check')
    .description('what a deploy of this app would change; nothing is deployed')
    .requiredOption('--app <module>', 'the module that exports it')
    .action(act<{ app: string }>(run))
}

interface LimitCheck {
  readonly limit: string
  readonly before?: object
  readonly after?: object
  /** Dispatches that wait under it now, and would be judged again. */
  readonly waiting: number
}

interface BindingCheck {
  readonly binding: string
  readonly change: 'same' | 'new' | 'changed' | 'removed'
  readonly from?: string
  readonly to?: string
  /** Of the manifest. */
  readonly fields: readonly string[]
  /** Dispatches of the old version that go on under it. */
  readonly open: number
  readonly limits: readonly LimitCheck[]
}

async function run(cli: Cli, options: { app: string }): Promise<void> {
  const { connectLog } = await import('../connection.ts')
  const { findDisputes, planDeploy } = await import('@waybill/engine')
  const { loadApp } = await import('@waybill/sdk')
  const app = await loadApp(options.app)
  await using connection = await connectLog(cli)
  const { api, log, topology } = connection
  const plan = await planDeploy(log, topology, app)
  const named = { app: app.name }
  // Neither a dispatcher nor a projector need run for a plan; then nobody waits.
  const flows = await api.callEach('flow.list', named).catch(() => [])
  const { bindings } = await api.call('binding.list', named).catch(() => ({ bindings: [] }))
  const waiting = new Map<string, number>()
  for (const row of flows.flatMap((flow) => flow.ledgers)) {
    waiting.set(row.limit, (waiting.get(row.limit) ?? 0) + row.waiting)
  }
  const open = new Map(bindings.map((row) => [row.key, row.open]))
  const ids = new Set([...plan.before, ...plan.after].map(idOf))
  const checks = [...ids].sort().map((id): BindingCheck => {
    const from = plan.before.find((key) => idOf(key) === id)
    const to = plan.after.find((key) => idOf(key) === id)
    const [old, now] = [from, to].map((key) => plan.manifests.get(key ?? ''))
    return {
      binding: id,
      change: changeOf(from, to),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      fields: differing(old, now),
      open: from === to ? 0 : (open.get(from ?? '') ?? 0),
      limits: limitsOf(id, old, now, waiting),
    }
  })
  const disputes = await findDisputes(log, topology, app)
  cli.out.show({ app: app.name, changed: plan.changed, bindings: checks, disputes }, () =>
    [
      `${bold(app.name)}: ${plan.changed ? 'a deploy would change it' : 'deployed like this already'}`,
      ...checks.flatMap(lines),
      ...disputes.map((one) => disputed(one, app.name)),
    ].join('\n'),
  )
}

const idOf = (key: string): string => key.slice(0, key.lastIndexOf('@'))

function changeOf(from: string | undefined, to: string | undefined): BindingCheck['change'] {
  if (from === to) return 'same'
  if (from === undefined) return 'new'
  return to === undefined ? 'removed' : 'changed'
}

function differing(old: Manifest | undefined, now: Manifest | undefined): readonly string[] {
  if (!old || !now) return []
  const names = new Set([...Object.keys(old), ...Object.keys(now)])
  for (const own of ['hash', 'version']) names.delete(own)
  return [...names].filter((name) => text(field(old, name)) !== text(field(now, name))).sort()
}

const field = (manifest: Manifest, name: string): unknown =>
  Object.entries(manifest).find(([key]) => key === name)?.[1]
const text = (value: unknown): string => JSON.stringify(value) ?? ''

function limitsOf(
  id: string,
  old: Manifest | undefined,
  now: Manifest | undefined,
  waiting: ReadonlyMap<string, number>,
): readonly LimitCheck[] {
  const [before, after] = [old, now].map((one) => rulesOf(id, one))
  const labels = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])
  return [...labels].flatMap((limit): LimitCheck[] => {
    const [was, is] = [before?.get(limit), after?.get(limit)]
    if (text(was) === text(is)) return []
    const many = waiting.get(limit) ?? 0
    return [{ limit, ...(was && { before: was }), ...(is && { after: is }), waiting: many }]
  })
}

function rulesOf(id: string, manifest: Manifest | undefined): ReadonlyMap<string, object> {
  const limits = manifest?.flow?.limits ?? []
  return new Map(
    limits.map(({ name, scope, rule }) => [
      scope === 'binding' ? `${id}/${name}` : `@${scope}/${name}`,
      rule,
    ]),
  )
}

const looks = { same: 'ok', new: 'ok', changed: 'warn', removed: 'warn' } as const

function lines({ binding, change, from, to, fields, open, limits }: BindingCheck): string[] {
  const versions = change === 'same' ? (to ?? '') : [from, to].filter(Boolean).join(' → ')
  const why = fields.length === 0 ? '' : dim(`  ${fields.join(', ')}`)
  return [
    `  ${state(looks[change], change)} ${bold(binding)}  ${versions}${why}`,
    ...(open === 0
      ? []
      : [`    ${count(open, 'open dispatch', 'open dispatches')} of ${from} go on`]),
    ...limits.map(
      ({ limit, before, after, waiting }) =>
        `    limit ${limit}: ${text(before) || 'none'} → ${text(after) || 'none'}` +
        (waiting === 0 ? '' : `, ${waiting} wait and are judged again`),
    ),
  ]
}
