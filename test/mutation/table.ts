import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { scoreOf, type FileResult } from './results.ts'

const page = fileURLToPath(new URL('../../docs/mutation.md', import.meta.url))
const begin = '<!-- generated: npm run mutate -- --report --table -->'
const end = '<!-- end -->'

/** The figures change with every run, what is said about them does not. */
export async function writeTable(
  results: readonly FileResult[],
  notMutated: readonly string[],
): Promise<void> {
  const text = await readFile(page, 'utf8')
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${page} has no place for the table`)
  await writeFile(
    page,
    `${text.slice(0, from)}${begin}\n${table(results, notMutated)}\n${text.slice(to)}`,
  )
}

function table(results: readonly FileResult[], notMutated: readonly string[]): string {
  const row = (name: string, of: readonly FileResult[]): string => {
    const { mutants, caught, score } = scoreOf(of)
    const timedOut = of.reduce((sum, one) => sum + one.timedOut, 0)
    const unmet = of.flatMap(({ survived }) => survived).filter((one) => one.unmet).length
    return `| ${name} | ${mutants} | ${caught} | ${timedOut} | ${mutants - caught} | ${unmet} | ${score.toFixed(1)} |`
  }
  return [
    '| file | mutants | caught | of them by hanging | live | of them met by no test | score |',
    '|---|---|---|---|---|---|---|',
    ...results.map((one) => row(`\`${one.file}\``, [one])),
    ...notMutated.map(
      (file) => `| \`${file.replace('packages/core/src/', '')}\` | not measured ||||||`,
    ),
    row(notMutated.length === 0 ? '**all**' : '**all that was measured**', results),
  ].join('\n')
}
