import type { Examined } from './content.ts'

export type Nodes = 'one node' | 'three nodes'
export type Sync = 'default' | 'always'
export type Fault = 'process kill' | 'power cut' | 'power cut of all' | 'damaged disk'

/** One fault, some times over, on one setting. */
export interface Cell {
  readonly nodes: Nodes
  readonly sync: Sync
  readonly fault: Fault
  /** Why it could not be measured; then all counts are 0. */
  readonly skipped?: string
  readonly rounds: number
  /** Before each fault, added up. */
  readonly acknowledged: number
  /** Of them, what cannot be read from any server afterwards. */
  readonly gone: number
  /** Rounds after which something is not as it was. */
  readonly changed: number
  /** Of them, those that show when the server starts, or to `waybill verify --ended`. */
  readonly atStart: number
  readonly byVerify: number
  /** What the first round said that was not as it was. */
  readonly said: string
}

export type Setting = Pick<Cell, 'nodes' | 'sync'>

export interface Round extends Examined {
  readonly acknowledged: number
}

export function cellOf(setting: Setting, fault: Fault, rounds: readonly Round[]): Cell {
  const changed = rounds.filter((round) => round.changed)
  return {
    ...setting,
    fault,
    rounds: rounds.length,
    acknowledged: sum(rounds.map(({ acknowledged }) => acknowledged)),
    gone: sum(rounds.map(({ gone }) => gone)),
    changed: changed.length,
    atStart: changed.filter(({ noticed }) => noticed === 'start').length,
    byVerify: changed.filter(({ noticed }) => noticed === 'verify').length,
    said: changed[0]?.said ?? '',
  }
}

export const skippedCell = (setting: Setting, fault: Fault, skipped: string): Cell => ({
  ...cellOf(setting, fault, []),
  skipped,
})

const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0)
