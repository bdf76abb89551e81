import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fetchFromDebian } from './debian.mjs'
import { cache, isWindows } from './place.mjs'
import { exitCodes, Problem } from './problem.mjs'
import { isAtLeast, parseVersion } from './version.mjs'

/** 2.12.7 fixes a security fault; older servers also lack what the log's timers need. */
const natsServerFloor = '2.12.7'
const home = join(cache, 'nats-server')
const exe = isWindows ? 'nats-server.exe' : 'nats-server'

/**
 * A server that is there: NATS_SERVER, which must be right because somebody asked for it; else
 * PATH, else the cache, both only when new enough. Undefined: it has to be fetched.
 */
export function findNatsServer(env = process.env) {
  if (env.NATS_SERVER) return demanded(env.NATS_SERVER, env)
  return candidates(env).find((path) => isAtLeast(versionOf(path).version, natsServerFloor))
}

export async function fetchNatsServer(env = process.env) {
  const reasons = await fetchFromDebian(home)
  const found = findNatsServer(env)
  if (found) return found
  const tooOld = candidates(env).map(
    (path) => `${path} is ${versionOf(path).version ?? 'no nats-server'}`,
  )
  throw new Problem({
    code: 'bootstrap.nats-server-missing',
    what: `nats-server ${natsServerFloor} or newer was not found and could not be fetched`,
    where: 'NATS_SERVER, PATH, .cache/nats-server, the Debian archive of this machine',
    why: [...tooOld, ...reasons],
    next: [
      ...howToInstall(),
      'then run the same command again; NATS_SERVER=/path/to/nats-server names one that is not on PATH',
    ],
  })
}

function demanded(value, env) {
  const path = value.includes('/') || value.includes('\\') ? value : (onPath(value, env) ?? value)
  const { version, why } = versionOf(path)
  if (isAtLeast(version, natsServerFloor)) return path
  throw new Problem({
    code: version ? 'bootstrap.nats-server-too-old' : 'bootstrap.nats-server-unusable',
    what: version
      ? `NATS_SERVER is version ${version}, needed is ${natsServerFloor} or newer`
      : 'NATS_SERVER does not name a nats-server that runs',
    where: `NATS_SERVER=${value}`,
    why,
    next: [
      'unset NATS_SERVER to let Waybill find or fetch one',
      'or point it at a newer nats-server',
    ],
    exitCode: exitCodes.configuration,
  })
}

function candidates(env) {
  const cached = ['sbin', 'bin'].map((place) => join(home, 'usr', place, exe))
  return [onPath(exe, env), ...cached].filter((path) => path && isFile(path))
}

function onPath(name, env) {
  const places = (env.PATH ?? '').split(delimiter).filter(Boolean)
  return places.map((place) => join(place, name)).find(isFile)
}

function isFile(path) {
  return existsSync(path) && statSync(path).isFile()
}

function versionOf(path) {
  if (!existsSync(path)) return { why: 'there is no such file' }
  const result = spawnSync(path, ['--version'], {
    encoding: 'utf8',
    timeout: 5000,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (result.error) return { why: result.error.message }
  const version = result.stdout.startsWith('nats-server')
    ? parseVersion(result.stdout)?.join('.')
    : undefined
  return version
    ? { version }
    : {
        why: `\`${path} --version\` ended with ${result.status} and printed: ${(result.stdout || result.stderr).trim().slice(0, 200)}`,
      }
}

function howToInstall() {
  const ways = {
    darwin: ['brew install nats-server'],
    win32: ['winget install NATSAuthors.NATSServer, or scoop install nats-server'],
  }
  const linux = [
    'Debian forky or newer: sudo apt install nats-server',
    'Docker: docker create --name nats nats:2.15 && docker cp nats:/nats-server .',
  ]
  return [
    ...(ways[process.platform] ?? linux),
    'with Go: go install github.com/nats-io/nats-server/v2@latest',
  ]
}
