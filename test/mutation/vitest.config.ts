import { defineConfig, mergeConfig } from 'vitest/config'
import usual from '../../vitest.config.ts'

/** A worker lives for one mutant. Its test files share it: a worker each would be most of the time. */
export default mergeConfig(
  usual,
  defineConfig({ test: { isolate: false, setupFiles: ['test/mutation/setup.ts'] } }),
)
