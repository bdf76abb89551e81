import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'

const folder = '.cache/mutation'

/** What Stryker keeps of a group, from one run to the next. */
export const resultsFile = (group: string): string => `${folder}/${group.replaceAll(' ', '-')}.json`

export const prepareResults = async (): Promise<unknown> => mkdir(folder, { recursive: true })

interface Mutant {
  readonly mutatorName: string
  /** Of module scope: it counts from when its file is loaded, in every test. */
  readonly static?: boolean
  readonly replacement?: string
  readonly status: 'Killed' | 'Timeout' | 'Survived' | 'NoCoverage' | 'RuntimeError' | 'Ignored'
  readonly location: { readonly start: { readonly line: number } }
}

export interface FileResult {
  readonly file: string
  /** As Stryker counts: what cannot even be loaded is no mutant. */
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
  const { files } = await reportOf(file)
  return Object.entries(files)
    .filter(([, { mutants }]) => mutants.length > 0)
    .map(([name, { source, mutants }]) => resultOf(name, source.split('\n'), mutants))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1))
}

const unfinishedFile = `${folder}/unfinished.json`

/** Files whose run was broken off: what is known of them is not the whole. */
export async function unfinished(): Promise<ReadonlySet<string>> {
  if (!existsSync(unfinishedFile)) return new Set()
  return new Set(JSON.parse(await readFile(unfinishedFile, 'utf8')) as string[])
}

/** Notes that they are begun, and after the work that they are done. */
export async function noted(files: readonly string[], work: () => Promise<void>): Promise<void> {
  const write = async (names: ReadonlySet<string>): Promise<void> =>
    writeFile(unfinishedFile, JSON.stringify([...names].sort()))
  await write((await unfinished()).union(new Set(files)))
  await work()
  await write((await unfinished()).difference(new Set(files)))
}

interface Report {
  readonly files: Record<string, { readonly source: string; mutants: readonly Mutant[] }>
}

/** Written by Stryker, in the schema of its reports. */
async function reportOf(file: string): Promise<Report> {
  return JSON.parse(await readFile(file, 'utf8')) as Report
}

/**
 * Stryker tries a survivor again when a new test comes by it. It cannot know that of those of module
 * scope, so they are tried every time; and with `hung` those that made the tests hang.
 */
export async function forgetDoubtful(
  group: string,
  tried: readonly string[],
  hung: boolean,
): Promise<void> {
  const file = resultsFile(group)
  if (!existsSync(file)) return
  const report = await reportOf(file)
  for (const [name, result] of Object.entries(report.files)) {
    if (!tried.includes(name)) continue
    result.mutants = result.mutants.filter(
      ({ status, static: always }) =>
        !(status === 'Survived' && always === true) && !(status === 'Timeout' && hung),
    )
  }
  await writeFile(file, JSON.stringify(report))
}

function resultOf(name: string, lines: readonly string[], mutants: readonly Mutant[]): FileResult {
  const withStatus = (...wanted: readonly Mutant['status'][]): readonly Mutant[] =>
    mutants.filter(({ status }) => wanted.includes(status))
  return {
    file: name.replace('packages/core/src/', ''),
    killed: withStatus('Killed').length,
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
