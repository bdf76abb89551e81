import { glob } from 'node:fs/promises'

/**
 * Which tests have to kill the mutants of which files. A layer is judged by its own tests: what only
 * a test of another layer would notice counts as a survivor.
 */
export interface Group {
  readonly name: string
  /** Below `packages/core/src`. */
  readonly files: readonly string[]
  /** Below `packages/core/test`. */
  readonly tests: readonly string[]
  /** How often laws are tried, of 1; what is rarely hit at random needs more. */
  readonly triesShare: number
}

const groups: readonly Group[] = [
  {
    name: 'partition',
    files: [
      'partition/{apply,checkpoint,commands,dedupe,draft,match,quarantine,state,step,timers}.ts',
      'partition/{again,definitions,deployed,home,mail,outbox,restore,results,skipped,stopped}.ts',
      'partition/views.ts',
    ],
    tests: ['partition/**/*.ts'],
    triesShare: 0.1,
  },
  {
    name: 'control',
    files: [
      'ledger/{batch,circuit,circuit-state,concurrency,debounce,gate,gates,ledger}.ts',
      'ledger/{queue,rate-limit,singleton,throttle}.ts',
      'partition/{admission,circuits,held,ledgers,pause,settle,switch}.ts',
    ],
    tests: ['ledger/**/*.ts', '{circuit,pause}*.ts', 'partition/{world,story}.ts'],
    triesShare: 0.05,
  },
  {
    name: 'dispatch',
    files: ['dispatch/{actor,deeds,fared,machine}.ts'],
    tests: ['dispatch/**/*.ts', 'partition/world.ts'],
    triesShare: 0.1,
  },
  {
    name: 'codec',
    files: ['codec.ts', 'codec/*.ts'],
    tests: ['codec*.test.ts'],
    triesShare: 0.02,
  },
  {
    name: 'ids and faults',
    files: ['{accept,fault,id,retry}.ts'],
    tests: ['{accept,fault,id,retry}.test.ts'],
    triesShare: 0.1,
  },
  {
    name: 'schemas',
    files: [
      '{binding,event,live,type-pattern}.ts',
      'dispatch/{effect,event,flow,record}.ts',
      'ledger/{fact,limit,rule,ticket}.ts',
      'partition/{definition,entry,letter,snapshot-shape}.ts',
    ],
    tests: ['{binding,event}.test.ts', 'schema/*.ts', 'partition/world.ts'],
    triesShare: 0.1,
  },
]

/** Types and re-exports: there is nothing in them that could be mutated. */
const nothingToMutate = ['hosted.ts', 'index.ts']

const source = 'packages/core/src'

/** @throws when a file of core is in no group, or in two: nobody would notice */
export async function filesOf(): Promise<ReadonlyMap<Group, readonly string[]>> {
  const found = new Map<Group, readonly string[]>()
  for (const group of groups) found.set(group, await expand(group.files))
  const grouped = [...found.values(), nothingToMutate.map((file) => `${source}/${file}`)].flat()
  const all = await expand(['**/*.ts'])
  if (grouped.toSorted().join('\n') !== all.join('\n')) {
    throw new Error(`test/mutation/groups.ts does not name each file of ${source} once`)
  }
  return found
}

async function expand(patterns: readonly string[]): Promise<readonly string[]> {
  const files = await Array.fromAsync(glob(patterns.map((pattern) => `${source}/${pattern}`)))
  return files.map((file) => file.replaceAll('\\', '/')).sort()
}
