import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { whole } from '../options.ts'
import { state } from '../output.ts'

export function topology(program: Command): void {
  const noun = program.command('topology').description('streams and buckets')
  noun
    .command('apply')
    .description('makes the streams that are missing; changes nothing that is there')
    .option('--slots <n>', 'partitions an app is cut into; fixed for ever', '16')
    .option('--replicas <n>', '1, 3 or 5', '1')
    .option('--generation <n>', undefined, '1')
    .option('--dry-run', 'only say what is missing')
    .action(act<Options>(apply))
}

interface Options {
  readonly slots: string
  readonly replicas: string
  readonly generation: string
  readonly dryRun?: boolean
}

async function apply(cli: Cli, options: Options): Promise<void> {
  const { connect } = await import('../connection.ts')
  const { applyTopology, topology: schema } = await import('@waybill/log')
  const wanted = schema.parse({
    prefix: cli.prefix,
    slots: whole(options.slots, '--slots', 1),
    replicas: whole(options.replicas, '--replicas', 1),
    generation: whole(options.generation, '--generation', 1),
  })
  await using connection = await connect(cli)
  const applied = await applyTopology(connection.nc, wanted, { dryRun: options.dryRun ?? false })
  const { created, present, dryRun } = applied
  cli.out.show({ ...applied, topology: wanted }, () =>
    [
      ...created.map((name) =>
        dryRun ? `${state('warn', 'missing')} ${name}` : `${state('ok', 'made')} ${name}`,
      ),
      ...present.map((name) => `${state('ok', 'there')} ${name}`),
    ].join('\n'),
  )
}
