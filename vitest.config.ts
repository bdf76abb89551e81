import { defineConfig } from 'vitest/config'

export default defineConfig({
  // The *ssr* key is the one that counts for tests; `resolve.conditions` alone resolves to dist.
  ssr: { resolve: { conditions: ['@waybill/source'] } },
  test: {
    include: [
      '{packages,services}/*/test/**/*.test.ts',
      'infra/*/test/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/dist/**', 'test/architecture/fixture/**'],
    // Tests own real servers; more workers than this only makes them wait for each other.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // One second is no patience for what several processes do on a busy machine.
    expect: { poll: { timeout: 10_000 } },
  },
})
