import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { usage } from '../error.ts'
import { dim, type Column } from '../output.ts'
import { count, parseDuration } from '../text.ts'

export function retention(program: Command): void {
  const noun = program.command('retention').description('removes what nobody needs any more')
  noun
    .command('run')
    .description("purges below what apps have read, never a subject's last message")
    .option(
      '--events <age>',
      'how long events stay; those of pending dead letters stay anyway',
      '60d',
    )
    .option('--journal <age>', 'how long journals stay', '60d')
    .option('--mail <age>', 'how long letters stay', '7d')
    .option('--dry-run', 'only say what would go')
    .action(act<Options>(run))
}

interface Options {
  readonly events: string
  readonly journal: string
  readonly mail: string
  readonly dryRun?: boolean
}

interface Row {
  readonly stream: string
  readonly subject: string
  readonly belowSeq: number
  readonly purged: number
}

const columns: readonly Column<Row>[] = [
  { title: 'STREAM', of: ({ stream }) => stream },
  { title: 'SUBJECT', of: ({ subject }) => subject },
  { title: 'BELOW', of: ({ belowSeq }) => String(belowSeq), align: 'right' },
  { title: 'PURGED', of: ({ purged }) => String(purged), align: 'right' },
]

async function run(cli: Cli, options: Options): Promise<void> {
  const { connectLog } = await import('../connection.ts')
  const { runRetention } = await import('@waybill/log')
  const { retentionFloors } = await import('../retention.ts')
  const ages = {
    eventsMs: age(options.events, '--events'),
    journalMs: age(options.journal, '--journal'),
    mailMs: age(options.mail, '--mail'),
    now: Date.now(),
  }
  await using journals = await connectLog(cli)
  const { log, topology } = journals
  const { signal } = cli
  const dryRun = options.dryRun ?? false
  const floors = await retentionFloors(journals, ages, signal)
  const rows = await runRetention({ log, topology, floors, dryRun, signal })
  const purged = rows.reduce((total, row) => total + row.purged, 0)
  cli.out.list({
    name: 'subjects',
    rows,
    columns,
    more: { purged, dryRun },
    empty: 'nothing is old enough to go',
  })
  if (cli.out.format !== 'table' || rows.length === 0) return
  cli.out.say(
    dim(
      dryRun
        ? `would purge ${count(purged, 'message')} at most`
        : `purged ${count(purged, 'message')}`,
    ),
  )
}

function age(text: string, flag: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined) return ms
  throw usage(`${flag} is no length of time`, text, 'write it as 60d or 12h')
}
