import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { dim, state } from '../output.ts'
import { count, shortId } from '../text.ts'

export function exportCommand(program: Command): void {
  program
    .command('export')
    .description('writes one file that replays a dispatch anywhere, offline')
    .argument('<dispatch>', 'or the beginning of its id')
    .option('-f, --file <file>', 'where to; - for standard output (default: <id>.waybill)')
    .action(act<{ file?: string }>((cli, options, id = '') => run(cli, options, id)))
}

async function run(cli: Cli, options: { file?: string }, prefix: string): Promise<void> {
  const { writeFile } = await import('node:fs/promises')
  const { sha256 } = await import('@waybill/log')
  const { writeExport } = await import('../replay/export.ts')
  const { sliceFrom } = await import('../replay/source.ts')
  const { slice } = await sliceFrom.journal(cli, prefix)
  const bytes = writeExport(sha256, slice, Date.now())
  if (options.file === '-') {
    process.stdout.write(bytes)
    return
  }
  const file = options.file ?? `${shortId(slice.dispatch)}.waybill`
  await writeFile(file, bytes)
  const transitions = slice.entries.filter(({ role }) => role === 'move').length
  const { dispatch, event } = slice
  const data = {
    file,
    bytes: bytes.length,
    dispatch,
    transitions,
    event: event !== undefined,
    sha256: sha256.bytes(bytes),
  }
  cli.out.show(
    data,
    () =>
      `${state('ok', file)}  ${count(transitions, 'transition')}, ${count(bytes.length, 'byte')}`,
  )
  if (cli.out.format !== 'table') return
  if (!event) cli.out.say(dim('without the event: it is not kept any more'))
  cli.out.say(dim(`anywhere, without a server: waybill replay ${file}`))
}
