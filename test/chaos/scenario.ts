import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Judgement } from './judge.ts'
import { leftover } from './leftovers.ts'

export interface Outcome extends Partial<Judgement> {
  readonly problems: readonly string[]
  /** What else the scenario has counted. */
  readonly [counted: string]: unknown
}

export interface Scenario {
  readonly what: string
  readonly rounds: number
  /** Why it cannot run here, or undefined. */
  readonly missing?: () => Promise<string | undefined>
  /** Writes what was measured into the docs. */
  readonly table?: (report: Report) => Promise<void>
  readonly run: (dir: string, rounds: number) => Promise<Outcome>
}

export interface Report {
  readonly name: string
  readonly rounds: number
  readonly acknowledged: number
  readonly lost: number
  readonly doubled: number
  readonly skipped?: string
  readonly ms: number
}

/** One scenario in a folder of its own, which stays only if something is wrong. */
export async function runScenario(
  name: string,
  scenario: Scenario,
  rounds: number,
): Promise<{ report: Report; problems: readonly string[] }> {
  const began = performance.now()
  const report = (of: Partial<Report>): Report => ({
    name,
    rounds,
    acknowledged: 0,
    lost: 0,
    doubled: 0,
    ...of,
    ms: Math.round(performance.now() - began),
  })
  const skipped = await scenario.missing?.()
  if (skipped !== undefined) return { report: report({ rounds: 0, skipped }), problems: [] }
  const dir = await mkdtemp(join(tmpdir(), 'waybill-chaos-'))
  using _ = leftover(() => rmSync(dir, { recursive: true, force: true }))
  let fine = false
  try {
    const { problems, ...counted } = await scenario.run(dir, rounds)
    fine = problems.length === 0
    return { report: report(counted), problems }
  } finally {
    if (fine) await rm(dir, { recursive: true, force: true })
    else console.error(`chaos: data and logs are in ${dir}`)
  }
}
