import type { ResponseOf } from '@waybill/api'
import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import type { Connection } from '../connection.ts'
import { CliError, usage } from '../error.ts'
import { exit } from '../exit.ts'
import { operator } from '../operator.ts'
import { bold, dim, fields, state, type Column } from '../output.ts'
import { appOf } from '../target.ts'
import { clip, duration, iso, parseDuration, relative } from '../text.ts'

export function circuit(program: Command): void {
  const noun = program.command('circuit').description('breakers of what handlers call')
  noun
    .command('ls')
    .description('circuits that are open or have reason to be; the others are closed')
    .option('--app <name>')
    .option('--open', 'only those that turn dispatches back')
    .action(act<{ app?: string; open?: boolean }>(list))
  noun
    .command('get')
    .description('one circuit: its state, since when, and how it is judged')
    .argument('<circuit>', '<limit>:<destination>, a destination, or a ledger')
    .option('--app <name>')
    .action(act<{ app?: string }>((cli, options, name = '') => get(cli, options, name)))
  const deeds = {
    open: 'turns dispatches back until it is closed, or for a while',
    close: 'lets dispatches through again, step by step',
    probe: 'lets one dispatch try now',
  } as const
  for (const [deed, about] of Object.entries(deeds)) {
    const command = noun
      .command(deed)
      .description(about)
      .argument('<circuit>', '<limit>:<destination>, a destination, or a ledger')
      .option('--tenant <name>', 'whose circuit; each tenant has its own')
      .option('--app <name>')
      .option('--reason <text>', 'kept in the log')
      .option('--dry-run', 'only say which circuit it would be')
    if (deed === 'open') command.option('--for <duration>', 'then one may try')
    const done = deed as keyof typeof deeds // a key of it
    command.action(act<SetOptions>((cli, options, name = '') => set(cli, options, done, name)))
  }
}

type Row = ResponseOf<'circuit.list'>['circuits'][number]

interface Seen {
  readonly circuits: readonly Row[]
  /** Limits that are circuits, whether or not anything is wrong with one. */
  readonly limits: readonly string[]
}

async function look({ api }: Connection, app: string | undefined): Promise<Seen> {
  const answers = await api.callEach('circuit.list', app === undefined ? {} : { app })
  const circuits = answers.flatMap((answer) => answer.circuits)
  const limits = answers.flatMap((answer) => answer.limits.map(({ limit }) => limit))
  return {
    circuits: circuits.sort((a, b) => (a.ledger < b.ledger ? -1 : 1)),
    limits: [...new Set(limits)].sort(),
  }
}

async function list(cli: Cli, { app, open }: { app?: string; open?: boolean }): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const { circuits, limits } = await look(connection, app)
  cli.out.list({
    name: 'circuits',
    rows: open ? circuits.filter((row) => row.state !== 'closed') : circuits,
    columns: columns(Date.now()),
    more: { limits },
    empty:
      limits.length === 0
        ? "no circuits: bindings get them with circuit: '<destination>'"
        : `all circuits of ${limits.join(', ')} are closed`,
  })
}

const looks = { closed: 'ok', half_open: 'warn', open: 'fail' } as const
const looked = ({ state: name }: Row): string => state(looks[name], name)

const columns = (now: number): readonly Column<Row>[] => [
  { title: 'LIMIT', of: ({ limit }) => limit },
  { title: 'DESTINATION', of: ({ key }) => key },
  { title: 'TENANT', of: ({ tenant }) => tenant },
  { title: 'STATE', of: looked },
  { title: 'FAILED', of: ({ failures }) => String(failures), align: 'right' },
  { title: 'SINCE', of: ({ since }) => (since === 0 ? '' : relative(since, now)) },
  { title: 'UNTIL', of: (row) => untilText(row, now) },
  {
    title: 'BY',
    of: ({ manual }) => dim(manual ? clip(`${manual.by}: ${manual.reason}`, 40) : ''),
  },
]

function untilText({ state: name, until }: Row, now: number): string {
  if (name === 'closed') return ''
  if (name === 'half_open') return 'one may try'
  return until === undefined ? 'closed by hand' : relative(until, now)
}

/** `<limit>:<destination>`, a destination that only one has, or a ledger. */
function meant({ circuits, limits }: Seen, name: string, tenant: string | undefined) {
  const fits = circuits.filter(
    (row) =>
      (row.ledger === name || row.key === name || `${row.limit}:${row.key}` === name) &&
      (tenant === undefined || row.tenant === tenant),
  )
  const [first, ...others] = fits
  if (first && others.length === 0) return { row: first, limit: first.limit, key: first.key }
  if (first) {
    const named = fits.map((row) => `${row.limit}:${row.key} of ${row.tenant}`).join(', ')
    throw usage('several circuits fit', named, 'say <limit>:<destination> and --tenant')
  }
  const limit = limits.find((one) => name.startsWith(`${one}:`))
  if (limit !== undefined) return { limit, key: name.slice(limit.length + 1) }
  const only = limits.length === 1 ? limits[0] : undefined
  return only === undefined || name.includes('/') ? undefined : { limit: only, key: name }
}

const unknown = (name: string): CliError =>
  new CliError({
    code: 'WB4017',
    what: 'no such circuit',
    where: name,
    next: 'waybill circuit ls; name it as <limit>:<destination>',
    exitCode: exit.notFound,
  })

async function get(cli: Cli, { app }: { app?: string }, name: string): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const row = meant(await look(connection, app), name, undefined)?.row
  if (!row) throw unknown(name)
  const now = Date.now()
  cli.out.show(row, () =>
    [
      `${bold(`${row.limit}:${row.key}`)}  ${looked(row)}`,
      fields([
        ['app', row.app],
        ['tenant', row.tenant],
        ['ledger', `${row.ledger}  slot ${row.slot}`],
        ['failed', `${row.failures} in a row`],
        ['since', row.since === 0 ? undefined : iso(row.since)],
        ['until', untilText(row, now) || undefined],
        ['probe', row.probe],
        ['by hand', row.manual && `${row.manual.by}, ${iso(row.manual.at)}: ${row.manual.reason}`],
        ['opens', opensText(row)],
      ]),
    ].join('\n'),
  )
}

function opensText({ rule }: Row): string | undefined {
  if (rule.kind !== 'circuit') return undefined
  const { failures, ratePercent, rateMin, windowMs, openMs } = rule
  const rate = `${ratePercent} % of at least ${rateMin} within ${duration(windowMs)}`
  return `after ${failures} in a row, or ${rate}; for ${duration(openMs)}`
}

interface SetOptions {
  readonly tenant?: string
  readonly app?: string
  readonly reason?: string
  readonly dryRun?: boolean
  readonly for?: string
}

async function set(
  cli: Cli,
  options: SetOptions,
  deed: 'open' | 'close' | 'probe',
  name: string,
): Promise<void> {
  const forMs = options.for === undefined ? undefined : lastingMs(options.for)
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const found = meant(await look(connection, options.app), name, options.tenant)
  if (!found) throw unknown(name)
  const { row, limit, key } = found
  const command = {
    app: row?.app ?? (await appOf(connection, options.app)),
    limit,
    key,
    do: deed,
    by: operator(),
    reason: options.reason ?? `${deed} by an operator`,
    dryRun: options.dryRun ?? false,
    ...(row && { tenant: row.tenant }),
    ...(options.tenant !== undefined && { tenant: options.tenant }),
    ...(forMs !== undefined && { forMs }),
  }
  const done = await connection.api.call('circuit.set', command, { timeoutMs: 60_000 })
  const named = `${limit}:${key}`
  cli.out.show(done, () =>
    done.state === undefined
      ? `would ${deed} ${named}, ${dim(`ledger ${done.ledger}, slot ${done.slot}`)}`
      : `${named} is ${state(looks[done.state], done.state)}`,
  )
}

function lastingMs(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0) return ms
  throw usage('--for is no length of time', text, 'write it as 30s or 5m')
}
