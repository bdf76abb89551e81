import { fileURLToPath } from 'node:url'
import { Stryker } from '@stryker-mutator/core'
import { resultsFile } from './results.ts'
import type { Group } from './groups.ts'

export interface Wish {
  /** Nothing that an earlier run found out is believed. */
  readonly fresh: boolean
}

/**
 * Stryker over a copy that holds core and the tests of one group, nothing else: so each mutant meets
 * the tests that are meant for it, and only the files that are mutated are slowed by being it.
 */
export async function mutateGroup(
  { name, tests, triesShare }: Group,
  files: readonly string[],
  { fresh }: Wish,
): Promise<void> {
  const copied = [
    'package.json',
    'vitest.config.ts',
    'test/mutation/{setup,vitest.config}.ts',
    'packages/core/src/**/*.ts',
    'packages/core/test/{binding,plain,sha256,state,tries}.ts',
    ...tests.map((pattern) => `packages/core/test/${pattern}`),
  ]
  process.env['TRIES_SHARE'] = String(triesShare)
  const stryker = new Stryker({
    plugins: [fileURLToPath(import.meta.resolve('@stryker-mutator/vitest-runner'))],
    testRunner: 'vitest',
    vitest: { configFile: 'test/mutation/vitest.config.ts', dir: 'packages/core', related: false },
    mutate: [...files],
    ignorePatterns: ['**', ...copied.map((pattern) => `!${pattern}`)],
    tempDirName: '.cache/mutation/copy',
    cleanTempDir: 'always',
    incremental: true,
    incrementalFile: resultsFile(name),
    force: fresh,
    reporters: ['progress-append-only'],
    concurrency: 1,
    coverageAnalysis: 'perTest',
    timeoutMS: 2000,
    timeoutFactor: 2,
    // The sources are run as they stand: types are checked elsewhere.
    disableTypeChecks: false,
    warnings: {
      slow: false,
      unknownOptions: true,
      preprocessorErrors: true,
      unserializableOptions: true,
    },
  })
  await stryker.runMutationTest()
}
