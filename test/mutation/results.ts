import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'

const folder = '.cache/mutation'

/** What Stryker keeps of a group, from one run to the next. */
export const resultsFile = (group: string): string => `${folder}/${group.replaceAll(' ', '-')}.json`

export const prepareResults = async (): Promise<unknown> => mkdir(folder, { recursive: true })

interface Mutant {
  readonly mutatorName: string
  readonly replacement?: string
  readonly status: 'Killed' | 'Timeout' | 'Survived' | 'NoCoverage' | 'RuntimeError' | 'Ignored'
  readonly location: { readonly start: { readonly line: number } }
}

export interface FileResult {
  readonly file: string
  readonly killed: number
  /** Endless loops, mostly: what makes the tests hang is noticed. */
  readonly timedOut: number
  readonly survived: readonly Survivor[]
}

export interface Survivor {
  readonly line: number
  readonly mutator: string
  readonly text: string
  readonly replacement: string
  /** No test comes by. */
  readonly unmet: boolean
}

/** As far as the files were mutated, now or in an earlier run. */
export async function resultsOf(group: string): Promise<readonly FileResult[]> {
  const file = resultsFile(group)
  if (!existsSync(file)) return []
  // Written by Stryker, in the schema of its reports.
  const { files } = JSON.parse(await readFile(file, 'utf8')) as {
    files: Record<string, { source: string; mutants: readonly Mutant[] }>
  }
  return Object.entries(files)
    .filter(([, { mutants }]) => mutants.length > 0)
    .map(([name, { source, mutants }]) => resultOf(name, source.split('\n'), mutants))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1))
}

function resultOf(name: string, lines: readonly string[], mutants: readonly Mutant[]): FileResult {
  const withStatus = (...wanted: readonly Mutant['status'][]): readonly Mutant[] =>
    mutants.filter(({ status }) => wanted.includes(status))
  return {
    file: name.replace('packages/core/src/', ''),
    killed: withStatus('Killed', 'RuntimeError').length,
    timedOut: withStatus('Timeout').length,
    survived: withStatus('Survived', 'NoCoverage').map((mutant) => ({
      line: mutant.location.start.line,
      mutator: mutant.mutatorName,
      text: lines[mutant.location.start.line - 1]?.trim() ?? '',
      replacement: mutant.replacement?.replace(/\s+/g, ' ') ?? '',
      unmet: mutant.status === 'NoCoverage',
    })),
  }
}

export interface Score {
  readonly mutants: number
  readonly caught: number
  /** Of 100; 0 where nothing was mutated: that is no success. */
  readonly score: number
}

export function scoreOf(results: readonly FileResult[]): Score {
  const caught = results.reduce((sum, { killed, timedOut }) => sum + killed + timedOut, 0)
  const mutants = caught + results.reduce((sum, { survived }) => sum + survived.length, 0)
  return { mutants, caught, score: mutants === 0 ? 0 : (100 * caught) / mutants }
}
