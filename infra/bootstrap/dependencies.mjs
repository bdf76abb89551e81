import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { capture, refuseWhenInterrupted, tail } from './child.mjs'
import { isWindows, root } from './place.mjs'
import { Problem, say } from './problem.mjs'
import { npmCommand } from './tools.mjs'

/** In node_modules, so that whoever removes that directory removes the stamp with it. */
const stampFile = join(root, 'node_modules', '.waybill-installed')

const bin = join(root, 'node_modules', '.bin', isWindows ? 'waybill.cmd' : 'waybill')

export function dependenciesInstalled() {
  return existsSync(bin) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp()
}

export async function installDependencies(node, pnpm) {
  say('installing dependencies (pnpm install --frozen-lockfile)')
  const registry = await npmRegistry()
  const result = await capture(
    pnpm,
    ['install', '--frozen-lockfile', '--config.confirmModulesPurge=false'],
    {
      cwd: root,
      env: {
        ...process.env,
        // No questions: a node_modules made by another package manager is replaced.
        CI: 'true',
        PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
        ...(registry ? { pnpm_config_registry: registry } : {}),
      },
    },
  )
  refuseWhenInterrupted()
  if (result.code !== 0) throw installFailed(result)
  linkBin()
  writeFileSync(stampFile, stamp())
}

/**
 * npx looks for `waybill` in the nearest package.json, then upwards in node_modules/.bin, then in
 * the registry, where it is somebody else's. In a folder of a workspace member only this finds us.
 */
function linkBin() {
  rmSync(bin, { force: true })
  if (isWindows) {
    writeFileSync(bin, '@node "%~dp0\\..\\..\\infra\\bootstrap\\waybill.mjs" %*\r\n')
    return
  }
  symlinkSync('../../infra/bootstrap/waybill.mjs', bin)
  chmodSync(bin, 0o755)
}

/** Everything that decides what pnpm would install. */
function stamp() {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}\n`)
  for (const file of [
    join(root, 'pnpm-lock.yaml'),
    join(root, 'pnpm-workspace.yaml'),
    ...manifests(),
  ]) {
    hash.update(file).update('\0').update(readFileSync(file)).update('\0')
  }
  return hash.digest('hex')
}

function manifests() {
  const members = ['packages', 'services', 'infra'].flatMap((parent) =>
    directories(join(root, parent)),
  )
  const places = [root, ...members, join(root, 'test')]
  return places.map((place) => join(place, 'package.json')).filter((file) => existsSync(file))
}

function directories(parent) {
  if (!existsSync(parent)) return []
  const entries = readdirSync(parent, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(parent, entry.name))
    .sort()
}

/** pnpm reads .npmrc but not npm's environment variables; ask npm, which knows both. */
async function npmRegistry() {
  const npm = npmCommand()
  const result = await capture(npm.command, [...npm.args, 'config', 'get', 'registry'], {
    cwd: root,
    shell: npm.shell ?? false,
  })
  return result.code === 0 ? result.stdout.trim() : undefined
}

function installFailed(result) {
  const outdated = `${result.stdout}${result.stderr}`.includes('OUTDATED_LOCKFILE')
  return new Problem({
    code: outdated ? 'bootstrap.lockfile-outdated' : 'bootstrap.install-failed',
    what: outdated
      ? 'pnpm-lock.yaml does not match the package.json files'
      : 'pnpm could not install the dependencies',
    where: root,
    why: tail(result, 12),
    next: outdated
      ? 'npm run pnpm -- install --no-frozen-lockfile, then commit pnpm-lock.yaml'
      : 'check the network and `npm config get registry`, then run the same command again',
  })
}
