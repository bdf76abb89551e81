import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { skippedCell, type Cell, type Fault, type Nodes, type Sync } from '../durability/cell.ts'
import type { Measuring } from '../durability/measuring.ts'
import { measureOneNode } from '../durability/one-node.ts'
import { measureThreeNodes } from '../durability/three-nodes.ts'
import { writeTable } from '../durability/table.ts'
import { missingForMounts } from '../root.ts'
import type { Report, Scenario } from '../scenario.ts'

const measures: Readonly<Record<Nodes, (measuring: Measuring) => Promise<readonly string[]>>> = {
  'one node': measureOneNode,
  'three nodes': measureThreeNodes,
}
const faults: Readonly<Record<Nodes, readonly Fault[]>> = {
  'one node': ['process kill', 'power cut', 'damaged disk'],
  'three nodes': ['process kill', 'power cut', 'power cut of all', 'damaged disk'],
}
const syncs = ['default', 'always'] as const satisfies readonly Sync[]

/** What survives what, in which setting: the table of `docs/guarantees.md`. */
export const durability: Scenario = {
  what: 'what one node and three keep through kills, power cuts and a damaged disk, by sync setting',
  rounds: 3,
  // What `run` has counted stands in the report.
  table: (report) => writeTable((report as Report & { readonly cells: readonly Cell[] }).cells),
  async run(dir, rounds) {
    const noMounts = await missingForMounts('mount', 'umount', 'mkfs.ext4', 'losetup')
    if (noMounts !== undefined) console.error(`chaos: durability: power cut skipped: ${noMounts}`)
    const cells: Cell[] = []
    const problems: string[] = []
    for (const nodes of ['one node', 'three nodes'] as const) {
      for (const sync of syncs) {
        const own = join(dir, `${nodes}-${sync}`.replace(' ', '-'))
        const found = await measure({ dir: own, setting: { nodes, sync }, noMounts, rounds })
        cells.push(...found.cells)
        problems.push(...found.problems.map((one) => `${nodes}, ${sync}: ${one}`))
      }
    }
    problems.push(...cells.flatMap((cell) => broken(cell)))
    return { acknowledged: sum(cells), lost: promisedLoss(cells), doubled: 0, cells, problems }
  },
}

/** All cells of one setting; what could not be measured says why, and is a problem. */
async function measure(of: Omit<Measuring, 'cells'>) {
  const { dir, setting } = of
  const cells: Cell[] = []
  const problems: string[] = []
  await mkdir(dir)
  try {
    problems.push(...(await measures[setting.nodes]({ ...of, cells })))
  } catch (cause) {
    problems.push(`it was not measured to the end: ${String(cause)}`)
    const done = cells.map(({ fault }) => fault)
    const left = faults[setting.nodes].filter((fault) => !done.includes(fault))
    cells.push(...left.map((fault) => skippedCell(setting, fault, String(cause))))
  }
  for (const cell of cells) console.error(`chaos: ${JSON.stringify(cell)}`)
  return { cells, problems }
}

/** What `docs/guarantees.md` promises to keep. */
const kept = (fault: Fault, sync: Sync): boolean =>
  fault === 'process kill' || (fault !== 'damaged disk' && sync === 'always')

/** A loss where none is promised is what is measured; one that nobody notices is not. */
function broken(cell: Cell): string[] {
  const { nodes, sync, fault, gone, changed, atStart, byVerify } = cell
  const where = `${nodes}, ${sync}, ${fault}`
  if (kept(fault, sync) && changed > 0) return [`${where}: ${gone} gone, ${changed} rounds changed`]
  const silent = changed - atStart - byVerify
  return fault === 'damaged disk' && silent > 0 ? [`${where}: ${silent} changes not noticed`] : []
}

const promisedLoss = (cells: readonly Cell[]): number =>
  cells.filter(({ fault, sync }) => kept(fault, sync)).reduce((all, { gone }) => all + gone, 0)

const sum = (cells: readonly Cell[]): number =>
  cells.reduce((all, { acknowledged }) => all + acknowledged, 0)
