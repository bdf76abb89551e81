import { parseArgs } from 'node:util'
import { filesOf, type Group } from './groups.ts'
import {
  forgetDoubtful,
  noted,
  prepareResults,
  resultsOf,
  scoreOf,
  unfinished,
  type FileResult,
} from './results.ts'
import { mutateGroup } from './run.ts'
import { writeTable } from './table.ts'

const usage = `mutate [--files a,b]  the files of core whose path holds a or b; default: all
       [--fresh]      forgets what earlier runs found (.cache/mutation)
       [--hung]       tries those again that made the tests hang
       [--report]     runs nothing, says what earlier runs found
       [--survivors]  names each mutant that lives
       [--table]      writes docs/mutation.md
       [--json]`

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '' },
    fresh: { type: 'boolean', default: false },
    hung: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    survivors: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const scoreMin = 80

process.exitCode = values.help ? say(usage) : await main()

/** @returns 0 enough mutants are caught, 1 too few, or not all files were mutated */
async function main(): Promise<number> {
  const wanted = values.files.split(',')
  const isWanted = (file: string): boolean => wanted.some((part) => file.includes(part))
  const grouped = await filesOf()
  await prepareResults()
  if (!values.report) await mutate(grouped, isWanted)
  const results = await collect(grouped, await unfinished())
  if (values.table) await writeTable(results, missing([...grouped.values()].flat(), results))
  const shown = results.filter(({ file }) => isWanted(`packages/core/src/${file}`))
  if (values.survivors) for (const result of shown) printSurvivors(result)
  return conclude(shown, missing([...grouped.values()].flat().filter(isWanted), shown))
}

async function mutate(
  grouped: ReadonlyMap<Group, readonly string[]>,
  isWanted: (file: string) => boolean,
): Promise<void> {
  for (const [group, all] of grouped) {
    const files = all.filter(isWanted)
    if (files.length === 0) continue
    await forgetDoubtful(group.name, files, values.hung)
    await noted(files, async () => mutateGroup(group, files, { fresh: values.fresh }))
  }
}

async function collect(
  grouped: ReadonlyMap<Group, readonly string[]>,
  unsure: ReadonlySet<string>,
): Promise<readonly FileResult[]> {
  const found = await Promise.all([...grouped.keys()].map(({ name }) => resultsOf(name)))
  return found
    .flat()
    .filter(({ file }) => !unsure.has(`packages/core/src/${file}`))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1))
}

function printSurvivors({ file, survived }: FileResult): void {
  for (const { line, mutator, text, replacement, unmet } of survived) {
    say(
      `${file}:${line} ${mutator}${unmet ? ' (no test comes by)' : ''}: ${text} -> ${replacement}`,
    )
  }
}

/** A file without a result is no success: it was not asked for yet, or has nothing to mutate. */
function missing(files: readonly string[], results: readonly FileResult[]): readonly string[] {
  const found = new Set(results.map(({ file }) => `packages/core/src/${file}`))
  return files.filter((file) => !found.has(file))
}

function conclude(results: readonly FileResult[], notMutated: readonly string[]): number {
  const { mutants, caught, score } = scoreOf(results)
  const files = Object.fromEntries(results.map((one) => [one.file, rounded(scoreOf([one]).score)]))
  const report = { files, notMutated, mutants, caught, score: rounded(score), scoreMin }
  say(JSON.stringify(report, undefined, values.json ? undefined : 2))
  return score >= scoreMin && notMutated.length === 0 ? 0 : 1
}

function rounded(score: number): number {
  return Math.round(10 * score) / 10
}

function say(text: string): 0 {
  process.stdout.write(`${text}\n`)
  return 0
}
