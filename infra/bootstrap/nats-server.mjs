import { join } from 'node:path'
import { fetchNewest } from './debian.mjs'
import { cache, isWindows } from './place.mjs'
import { Problem } from './problem.mjs'
import { findProgram, isFile, onPath, shortcomings } from './program.mjs'

const home = join(cache, 'nats-server')
const exe = isWindows ? 'nats-server.exe' : 'nats-server'

/** 2.12.7 fixes a security fault; older servers also lack what the log's timers need. */
const wanted = {
  name: 'nats-server',
  variable: 'NATS_SERVER',
  floor: '2.12.7',
  introduces: /^nats-server/,
}

/** NATS_SERVER; else PATH, else the cache. Undefined: it has to be fetched. */
export function findNatsServer(env = process.env) {
  return findProgram(wanted, candidates(env), env)
}

export async function fetchNatsServer(env = process.env) {
  const reasons = await fetchNewest('nats-server', home)
  const found = findNatsServer(env)
  if (found) return found
  throw new Problem({
    code: 'bootstrap.nats-server-missing',
    what: `nats-server ${wanted.floor} or newer was not found and could not be fetched`,
    where: 'NATS_SERVER, PATH, .cache/nats-server, the Debian archive of this machine',
    why: [...shortcomings(wanted, candidates(env)), ...reasons],
    next: [
      ...howToInstall(),
      'then run the same command again; NATS_SERVER=/path/to/nats-server names one that is not on PATH',
    ],
  })
}

function candidates(env) {
  const cached = ['sbin', 'bin'].map((place) => join(home, 'usr', place, exe))
  return [onPath(exe, env), ...cached].filter((path) => path && isFile(path))
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
