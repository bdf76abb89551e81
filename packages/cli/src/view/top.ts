import type { Top } from '../live/top.ts'
import { bold, dim, state, table, type Column } from '../output.ts'
import { clip, clock, count, duration, relative } from '../text.ts'

/** One screen of it; what is empty is left out. */
export function topText(seen: Top): string {
  const { app, at, perSecond, open, dead, waiting, circuits, partitions } = seen
  const { started, succeeded, retried, dead: died } = perSecond
  const states = Object.entries(open).map(([name, many]) => `${state(name)} ${many}`)
  const rates = `${started} started, ${succeeded} succeeded, ${retried} to be tried again, ${died} dead`
  return [
    `${bold(app)}  ${dim(clock(at))}`,
    `a second  ${rates}`,
    `open      ${states.length === 0 ? dim('nothing') : states.join('  ')}`,
    `dead      ${dead === 0 ? dim('none') : state('dlq', count(dead, 'dead letter'))}`,
    ...section(waiting, waitingColumns(at)),
    ...section(circuits, circuitColumns(at)),
    ...section(partitions, partitionColumns),
  ].join('\n')
}

const section = <Row extends object>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): readonly string[] => (rows.length === 0 ? [] : ['', table(rows, columns)])

const waitingColumns = (now: number): readonly Column<Top['waiting'][number]>[] => [
  { title: 'LIMIT', of: ({ limit }) => limit },
  { title: 'USED', of: ({ used }) => String(used), align: 'right' },
  { title: 'WAITING', of: ({ waiting }) => String(waiting), align: 'right' },
  { title: 'OLDEST', of: ({ oldest }) => (oldest === undefined ? '' : relative(oldest, now)) },
]

const circuitColumns = (now: number): readonly Column<Top['circuits'][number]>[] => [
  { title: 'CIRCUIT', of: ({ limit, key }) => clip(`${limit}:${key}`, 50) },
  { title: 'TENANT', of: ({ tenant }) => tenant },
  { title: 'STATE', of: (row) => state(row.state === 'open' ? 'fail' : 'warn', row.state) },
  { title: 'UNTIL', of: ({ until }) => (until === undefined ? 'by hand' : relative(until, now)) },
]

const partitionColumns: readonly Column<Top['partitions'][number]>[] = [
  { title: 'SLOT', of: ({ slot }) => String(slot), align: 'right' },
  { title: 'OWNER', of: ({ owner }) => owner },
  {
    title: 'STATE',
    of: (row) => (row.state === 'leading' ? state('ok', row.state) : state('warn', row.state)),
  },
  { title: 'OPEN', of: ({ open }) => String(open), align: 'right' },
  { title: 'RUNNING', of: ({ running }) => String(running), align: 'right' },
  { title: 'LAG', of: ({ lagMs }) => duration(lagMs), align: 'right' },
]
