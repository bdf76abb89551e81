import { join } from 'node:path'
import { run } from './child.mjs'
import { check, test, verify } from './verify.mjs'
import { root } from './place.mjs'

/** Packages resolve to their sources; SQLite's "experimental" warning is no news to a user. */
export const sourceFlags = ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning']

/** Every npm script: what it needs (a function: with these arguments) and what it does. Resolves with the exit code. */
export const commands = {
  start: {
    natsServer: true,
    page: true,
    run: source('packages/cli/src/main.ts', 'dev', '--app', 'packages/example-github/src/app.ts'),
  },
  demo: { natsServer: true, run: source('test/demo/main.ts') },
  bench: {
    natsServer: true,
    // That of the page, or all of them.
    chromium: (args) => args.includes('page') || !args.some((arg) => /^[a-z]/.test(arg)),
    page: true,
    run: source('test/bench/main.ts'),
  },
  chaos: { natsServer: true, run: source('test/chaos/main.ts') },
  simulate: { natsServer: false, run: source('test/simulation/main.ts') },
  mutate: { natsServer: false, run: source('test/mutation/main.ts') },
  screenshots: {
    natsServer: true,
    chromium: true,
    page: true,
    run: source('test/e2e-dashboard/screenshots.ts'),
  },
  test: { natsServer: true, chromium: true, page: true, run: test },
  check: { natsServer: false, run: check },
  verify: { natsServer: true, chromium: true, page: true, run: verify },
  build: {
    natsServer: false,
    run: (toolchain, args) => tool(toolchain, 'turbo', ['run', 'build', ...args]),
  },
  pnpm: {
    natsServer: false,
    // It is how a lockfile that does not fit is mended.
    dependencies: false,
    run: ({ pnpm, env }, args) => run(pnpm, args, { cwd: root, env }),
  },
}

function source(file, ...first) {
  return ({ node, env }, args) =>
    run(node, [...sourceFlags, join(root, file), ...first, ...args], { cwd: root, env })
}

function tool({ env }, name, args) {
  return run(join(root, 'node_modules', '.bin', name), args, { cwd: root, env })
}
