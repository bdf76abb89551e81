import { parseArgs } from 'node:util'
import { runScenario, type Report } from './scenario.ts'
import { scenarios } from './scenarios.ts'

/*
 * `npm run chaos -- [name ...] [--rounds N] [--json] [--table]`: real processes, a real server and real
 * faults. Ends with 0 only if every event that was acknowledged came to exactly one end per
 * matching binding, every run of a handler is one that the log asked for, verify finds nothing and
 * all of it replays. What needs root or a tool that is not there says so and is skipped.
 * `--table` writes what was measured into the docs, where a scenario has a table there.
 */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
    },
  })
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && (!Number.isInteger(rounds) || rounds < 1)) {
    return refuse('--rounds takes a count from 1')
  }
  const names = positionals.length > 0 ? positionals : Object.keys(scenarios)
  const unknown = names.find((name) => !(name in scenarios))
  if (unknown !== undefined) {
    return refuse(`${unknown} is none of ${Object.keys(scenarios).join(', ')}`)
  }
  let code = 0
  for (const name of names) if (!(await isFine(name, rounds, values))) code = 1
  return code
}

async function isFine(
  name: string,
  rounds: number | undefined,
  { json, table }: { readonly json: boolean; readonly table: boolean },
): Promise<boolean> {
  const scenario = scenarios[name]
  if (!scenario) return false
  if (!json) console.log(`${name}: ${scenario.what}`)
  const { report, problems } = await runScenario(name, scenario, rounds ?? scenario.rounds)
  for (const problem of problems.slice(0, shown)) console.error(`chaos: ${name}: ${problem}`)
  if (json) console.log(JSON.stringify(report))
  else tell(report)
  if (table && report.skipped === undefined) await scenario.table?.(report)
  return problems.length === 0
}

const shown = 20

function refuse(why: string): number {
  console.error(`chaos: ${why}`)
  return 2
}

function tell(report: Report): void {
  const { name: _, ...counts } = report
  for (const [what, count] of Object.entries(counts)) {
    console.log(`  ${what.padEnd(14)} ${typeof count === 'object' ? JSON.stringify(count) : count}`)
  }
}

// Last, so that all constants above are there.
process.exitCode = await main()
