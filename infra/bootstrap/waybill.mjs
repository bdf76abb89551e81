#!/usr/bin/env node
/** `npx waybill` in this repository: the CLI from its sources, under the right Node, after a bootstrap where one is needed. */
import { join } from 'node:path'
import { run } from './child.mjs'
import { sourceFlags } from './commands.mjs'
import { root } from './place.mjs'
import { report } from './problem.mjs'
import { prepare } from './toolchain.mjs'

const args = process.argv.slice(2)

try {
  const { node, env } = await prepare({
    natsServer: args[0] === 'dev',
    page: args[0] === 'dev' || args[0] === 'dashboard',
  })
  process.exitCode = await run(
    node,
    [...sourceFlags, join(root, 'packages/cli/src/main.ts'), ...args],
    { env },
  )
} catch (error) {
  process.exitCode = report(error)
}
