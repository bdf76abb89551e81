import { delimiter, dirname, join } from 'node:path'
import { fetchChromium, findChromium } from './chromium.mjs'
import { dependenciesInstalled, installDependencies } from './dependencies.mjs'
import { withLock } from './lock.mjs'
import { fetchNatsServer, findNatsServer } from './nats-server.mjs'
import { isPageBuilt, preparePage } from './page.mjs'
import { cache, root } from './place.mjs'
import { fetchTools, findNode, findPnpm } from './tools.mjs'

/**
 * Everything a command needs, found or fetched: Node, pnpm, the installed dependencies and, when
 * asked for, a nats-server, a Chromium and the built page. The second time it only looks: a few
 * files are hashed, nothing is locked.
 */
export async function prepare(wanted) {
  const found = look(wanted)
  const lock = join(cache, 'bootstrap.lock')
  const prepared = toolchain(
    isComplete(found, wanted) ? found : await withLock(lock, () => fetchMissing(wanted)),
  )
  if (wanted.page && !isPageBuilt()) await withLock(lock, () => preparePage(prepared))
  return prepared
}

function look({ natsServer, chromium, dependencies = true }) {
  const server = natsServer || !process.env.NATS_SERVER ? findNatsServer() : process.env.NATS_SERVER
  return {
    node: findNode(),
    pnpm: findPnpm(),
    installed: !dependencies || dependenciesInstalled(),
    natsServer: server,
    chromium: chromium ? findChromium() : undefined,
  }
}

function isComplete(found, { natsServer, chromium }) {
  const { node, pnpm, installed } = found
  const programs = (found.natsServer || !natsServer) && (found.chromium || !chromium)
  return Boolean(node && pnpm && installed && programs)
}

/** Under the lock, so it looks again first: whoever held it before may have done the work. */
async function fetchMissing(wanted) {
  const found = look(wanted)
  if (!found.node || !found.pnpm) await fetchTools()
  const [node, pnpm] = [findNode(), findPnpm()]
  if (!found.installed) await installDependencies(node, pnpm)
  const natsServer = found.natsServer ?? (wanted.natsServer ? await fetchNatsServer() : undefined)
  if (wanted.chromium && !found.chromium) await fetchChromium()
  return { node, pnpm, natsServer }
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
