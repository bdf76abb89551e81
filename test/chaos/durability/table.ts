import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Cell, Fault } from './cell.ts'

const page = fileURLToPath(new URL('../../../docs/guarantees.md', import.meta.url))
const begin = '<!-- npm run chaos -- durability --table -->'
const end = '<!-- end of the table -->'

/** Puts what was measured in the place that `docs/guarantees.md` keeps for it. */
export async function writeTable(cells: readonly Cell[]): Promise<void> {
  const text = await readFile(page, 'utf8')
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${page} has no place for the table`)
  await writeFile(page, `${text.slice(0, from)}${begin}\n${tableOf(cells)}\n${text.slice(to)}`)
}

const columns: readonly (readonly Fault[])[] = [
  ['process kill'],
  ['power cut', 'power cut of all'],
  ['damaged disk'],
]

function tableOf(cells: readonly Cell[]): string {
  const settings = [...new Set(cells.map(({ nodes, sync }) => `${nodes}, ${sync}`))]
  const rows = settings.map((setting) => {
    const own = cells.filter(({ nodes, sync }) => `${nodes}, ${sync}` === setting)
    const row = columns.map((faults) =>
      faults.flatMap((fault) => own.filter((cell) => cell.fault === fault).map(tell)).join('; '),
    )
    return `| ${setting} | ${row.join(' | ')} |`
  })
  return ['| | process kill | power cut | one damaged disk |', '|---|---|---|---|', ...rows].join(
    '\n',
  )
}

function tell(cell: Cell): string {
  const { nodes, fault, skipped, rounds, acknowledged, gone, changed, atStart, byVerify } = cell
  if (skipped !== undefined) return `not measured: ${skipped}`
  const who =
    nodes === 'one node' || fault === 'damaged disk'
      ? ''
      : fault === 'power cut'
        ? 'one node: '
        : 'all at once: '
  const counts = `${gone} of ${acknowledged.toLocaleString('en')} gone in ${rounds} rounds`
  if (changed === 0) return `${who}${counts}`
  const seen = [
    ...(atStart > 0 ? [`${atStart} at start`] : []),
    ...(byVerify > 0 ? [`${byVerify} by verify`] : []),
  ]
  const noticed = seen.length > 0 ? seen.join(', ') : 'none'
  return `${who}${counts}; ${changed} changed, noticed: ${noticed}`
}
