import { delimiter, dirname, join } from 'node:path'
import { dependenciesInstalled, installDependencies } from './dependencies.mjs'
import { withLock } from './lock.mjs'
import { fetchNatsServer, findNatsServer } from './nats-server.mjs'
import { isPageBuilt, preparePage } from './page.mjs'
import { cache, root } from './place.mjs'
import { fetchTools, findNode, findPnpm } from './tools.mjs'

/**
 * Everything a command needs, found or fetched: Node, pnpm, the installed dependencies and, when
 * asked for, a nats-server and the built page. The second time it only looks: a few files are hashed, nothing is locked.
 */
export async function prepare({ natsServer, page = false }) {
  const found = look(natsServer)
  const lock = join(cache, 'bootstrap.lock')
  const prepared = toolchain(
    isComplete(found, natsServer) ? found : await withLock(lock, () => fetchMissing(natsServer)),
  )
  if (page && !isPageBuilt()) await withLock(lock, () => preparePage(prepared))
  return prepared
}

function look(natsServer) {
  const server = natsServer || !process.env.NATS_SERVER ? findNatsServer() : process.env.NATS_SERVER
  return {
    node: findNode(),
    pnpm: findPnpm(),
    installed: dependenciesInstalled(),
    natsServer: server,
  }
}

function isComplete(found, natsServer) {
  return Boolean(found.node && found.pnpm && found.installed && (found.natsServer || !natsServer))
}

/** Under the lock, so it looks again first: whoever held it before may have done the work. */
async function fetchMissing(natsServer) {
  const found = look(natsServer)
  if (!found.node || !found.pnpm) await fetchTools()
  const [node, pnpm] = [findNode(), findPnpm()]
  if (!found.installed) await installDependencies(node, pnpm)
  return {
    node,
    pnpm,
    natsServer: found.natsServer ?? (natsServer ? await fetchNatsServer() : undefined),
  }
}

function toolchain({ node, pnpm, natsServer }) {
  const path = [
    dirname(node),
    join(root, 'node_modules', '.bin'),
    dirname(pnpm),
    process.env.PATH ?? '',
  ]
  return {
    node,
    pnpm,
    env: {
      ...process.env,
      PATH: path.join(delimiter),
      ...(natsServer ? { NATS_SERVER: natsServer } : {}),
      TURBO_TELEMETRY_DISABLED: '1',
      DO_NOT_TRACK: '1',
    },
  }
}
