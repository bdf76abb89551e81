import type { DispatchRow, ResponseOf } from '@waybill/api'
import { bold, dim, fields, state, type Column } from '../output.ts'
import { clip, clock, count, duration, iso, relative, shortId } from '../text.ts'

/** How dispatches look to people; programs get the rows as they are. */
export function dispatchColumns(now: number): readonly Column<DispatchRow>[] {
  return [
    { title: 'DISPATCH', of: ({ id }) => shortId(id) },
    { title: 'BINDING', of: ({ binding }) => binding },
    { title: 'STATE', of: (row) => state(row.state, stateText(row)) },
    { title: 'TRY', of: ({ attempt }) => String(attempt), align: 'right' },
    { title: 'EVENT', of: ({ type }) => type },
    { title: 'MOVED', of: ({ at }) => relative(at, now) },
    { title: 'WHY', of: (row) => dim(clip(whyOf(row), 60)) },
  ]
}

function stateText({ state: name, waitFor, outcome }: DispatchRow): string {
  if (name === 'waiting' && waitFor) return `waiting: ${waitFor}`
  if (outcome?.status === 'dlq') return `dlq: ${outcome.reason}`
  if (outcome?.status === 'skipped') return `skipped: ${outcome.stage}`
  return name
}

/** Every "no" explains itself: the reason, or the last error. */
function whyOf({ outcome, error, dueAt, held }: DispatchRow): string {
  if (held) return held.why
  switch (outcome?.status) {
    case 'skipped':
      return outcome.reason
    case 'cancelled':
      return `by ${outcome.by}: ${outcome.reason}`
    case 'superseded':
      return `by ${outcome.by}`
    case 'succeeded':
      return ''
    case 'failed':
    case 'dlq':
    case undefined:
      if (error) return `${error.name}: ${error.message}`
      return dueAt === undefined ? '' : `due ${clock(dueAt)}`
  }
}

export function dispatchText(answer: ResponseOf<'dispatch.get'>, now: number): string {
  const { row, record, chain } = answer.dispatch
  const spent = `${row.attempt} (${row.spent} of them count)`
  const lines = [
    `${bold(row.id)}  ${state(row.state, stateText(row))}`,
    fields([
      ['binding', row.binding],
      ['app', row.app],
      ['event', `${row.event}  ${row.type}  from ${row.source}`],
      ['subject', row.subject],
      ['key', row.key],
      ['started', `${iso(row.startedAt)}  ${relative(row.startedAt, now)}`],
      ['moved', `${iso(row.at)}  after ${duration(row.at - row.startedAt)}`],
      [
        'due',
        row.dueAt === undefined ? undefined : `${iso(row.dueAt)}  ${relative(row.dueAt, now)}`,
      ],
      ['attempts', spent],
      ['awaits', record.effect],
      ['error', row.error && `${row.error.class}: ${row.error.name}: ${row.error.message}`],
      ['why', row.error && !row.held ? undefined : whyOf(row) || undefined],
      ['held', heldText(row, now)],
      ['chain', chain.depth === 0 ? undefined : `depth ${chain.depth}, root ${chain.root}`],
      ['rerun of', row.rerunOf],
    ]),
  ]
  return lines.join('\n')
}

/** Since when, and where to see the rest of the line. */
function heldText({ held }: DispatchRow, now: number): string | undefined {
  if (!held) return undefined
  return `since ${iso(held.since)}  ${relative(held.since, now)}; waybill flow get ${held.gate}`
}

type Step = ResponseOf<'dispatch.history'>['steps'][number]

export const historyColumns: readonly Column<Step & { readonly sinceMs: number }>[] = [
  { title: '#', of: ({ transition }) => String(transition.index), align: 'right' },
  { title: 'TIME', of: ({ at }) => clock(at) },
  { title: '+', of: ({ sinceMs }) => dim(duration(sinceMs)), align: 'right' },
  { title: 'EVENT', of: ({ transition }) => transition.event.type },
  { title: 'STATE', of: ({ transition }) => `${transition.from ?? '·'} → ${state(transition.to)}` },
  {
    title: 'EFFECTS',
    of: ({ effects }) => effects.map(({ kind }) => kind).join(', ') || dim('none'),
  },
  { title: 'LIMITS', of: ({ gates }) => dim(gates.map(gateText).join('; ')) },
  { title: 'AT', of: ({ seq, index }) => dim(`${seq}/${index}`) },
]

/** `label/only/1f…: waiting (used 1, max 1)` */
function gateText({ ledger, result, numbers, reason, by, until }: Step['gates'][number]): string {
  const told = [
    ...Object.entries(numbers).map(([name, value]) => `${name} ${numberText(value)}`),
    ...(until === undefined ? [] : [`until ${clock(until)}`]),
    ...(by === undefined ? [] : [`by ${shortId(by)}`]),
  ].join(', ')
  const limit = ledger.split('/', 2).join('/')
  return `${limit}: ${reason ?? result}${told === '' ? '' : ` (${told})`}`
}

/** No count comes near to epoch ms. */
const numberText = (value: number): string => (value > 1e11 ? clock(value) : String(value))

export function withGaps(steps: readonly Step[]): readonly (Step & { readonly sinceMs: number })[] {
  return steps.map((step, at) => ({ ...step, sinceMs: step.at - (steps[at - 1]?.at ?? step.at) }))
}

export function verifiedText({ result, why }: ResponseOf<'dispatch.history'>['verified']): string {
  if (result === 'intact') return `${state('ok', 'hash chain intact')}`
  return `${state(result === 'broken' ? 'fail' : 'warn', `hash chain ${result}`)}${why ? `: ${why}` : ''}`
}

type Graph = ResponseOf<'dispatch.graph'>

/** As a tree, breadth kept in the order of the log; what was shown before is named, not repeated. */
export function graphText({ nodes, edges }: Graph): string {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const roots = nodes.filter(({ id }) => !edges.some(({ to }) => to === id))
  const shown = new Set<string>()
  const lines: string[] = []

  function show(id: string, edge: string, indent: string): void {
    const node = byId.get(id)
    if (!node) return
    const again = shown.has(id) ? dim('  (above)') : ''
    const by = edge === '' ? '' : dim(`${edge} → `)
    const outcome = node.outcome ? dim(`  ${node.outcome}`) : ''
    lines.push(
      `${indent}${by}${node.kind} ${bold(node.label)}  ${state(node.status)}${outcome}${again}`,
    )
    if (again) return
    shown.add(id)
    for (const { to, kind } of edges.filter(({ from }) => from === id))
      show(to, kind, `${indent}  `)
  }

  for (const { id } of roots) show(id, '', '')
  return lines.join('\n') || dim(count(0, 'node'))
}
