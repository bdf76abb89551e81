import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { capture, refuseWhenInterrupted, tail } from './child.mjs'
import { cache, isWindows, root, tools } from './place.mjs'
import { Problem, say } from './problem.mjs'
import { isAtLeast } from './version.mjs'

/** Sources run as they are: types stripped, `await using` native. Both are there from 24 on. */
const nodeFloor = '24.0'

/**
 * Node and pnpm, both from npm with the user's own npm configuration. A Node that is new enough is
 * used as it is; what is missing is installed beside what is there and swapped in by a rename.
 */
export async function fetchTools() {
  const wanted = [
    ...(runningNodeWillDo() ? [] : [nodeSpecs()]),
    [`pnpm@${pnpmVersion()}`, 'pnpm@12'],
  ]
  say(`fetching ${wanted.map(([spec]) => spec).join(' and ')} (once)`)
  const fresh = join(cache, `tools.${process.pid}`)
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true })
  writeFileSync(join(fresh, 'package.json'), '{ "private": true }\n')
  try {
    for (const specs of wanted) await npmInstall(fresh, specs)
    await checkNodeRuns(nodeIn(fresh))
    swap(fresh, tools)
    if (!findPnpm()) throw pnpmMissing()
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** The Node that runs Waybill, or undefined when it has to be fetched. */
export function findNode() {
  return runningNodeWillDo() ? process.execPath : nodeIn(tools)
}

/**
 * pnpm's executable, or undefined when it has to be fetched. Its own package leaves a placeholder
 * in .bin unless npm may run its install script; the program lies in a package for this platform.
 */
export function findPnpm() {
  const scope = join(tools, 'node_modules', '@pnpm')
  const names = existsSync(scope) ? readdirSync(scope) : []
  const paths = names.map((name) => join(scope, name, isWindows ? 'pnpm.exe' : 'pnpm'))
  return paths.find((path) => existsSync(path))
}

/** Puts a finished directory in the place of an old one that others may still be running from. */
export function swap(fresh, place) {
  const old = `${place}.old.${process.pid}`
  if (existsSync(place)) renameSync(place, old)
  renameSync(fresh, place)
  rmSync(old, { recursive: true, force: true })
}

/** npm as this user runs it: the one that started us, the one beside Node, the one on PATH. */
export function npmCommand() {
  const started = process.env.npm_execpath
  const beside = join(
    dirname(process.execPath),
    ...(isWindows ? [] : ['..', 'lib']),
    'node_modules',
    'npm',
    'bin',
    'npm-cli.js',
  )
  const script = [started, beside].find((path) => path?.endsWith('npm-cli.js') && existsSync(path))
  return script
    ? { command: process.execPath, args: [script] }
    : { command: 'npm', args: [], shell: isWindows }
}

function runningNodeWillDo() {
  return isAtLeast(process.versions.node, nodeFloor)
}

/** Two families of packages carry the binary; not every platform is in both. */
function nodeSpecs() {
  const target = `${isWindows ? 'win' : process.platform}-${process.arch}`
  return [`node-${target}@24`, `node-bin-${target}@24`]
}

function nodeIn(directory) {
  const names = nodeSpecs().map((spec) => spec.slice(0, spec.lastIndexOf('@')))
  const paths = names.map((name) =>
    join(directory, 'node_modules', name, 'bin', isWindows ? 'node.exe' : 'node'),
  )
  return paths.find((path) => existsSync(path))
}

/** package.json's `packageManager` is the one place that names the version. */
function pnpmVersion() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return packageManager.slice(packageManager.indexOf('@') + 1)
}

async function npmInstall(prefix, specs) {
  const npm = npmCommand()
  const flags = [
    '--prefix',
    prefix,
    '--save-exact',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  const failures = []
  for (const spec of specs) {
    refuseWhenInterrupted()
    const result = await capture(npm.command, [...npm.args, 'install', ...flags, spec], {
      cwd: prefix,
      shell: npm.shell ?? false,
    })
    if (result.code === 0) return
    failures.push(`npm install ${spec}: ${tail(result)}`)
  }
  refuseWhenInterrupted()
  throw new Problem({
    code: 'bootstrap.npm-install-failed',
    what: `npm could not install ${specs[0]}`,
    where: tools,
    why: failures,
    next: [
      'check the network and `npm config get registry`, then run the same command again',
      `or install Node ${nodeFloor} or newer yourself`,
    ],
  })
}

function pnpmMissing() {
  return new Problem({
    code: 'bootstrap.pnpm-missing',
    what: 'npm delivered pnpm without its program',
    where: join(tools, 'node_modules', '@pnpm'),
    why: `there is no pnpm for ${process.platform}-${process.arch}, or npm is told to omit optional packages`,
    next: 'look at `npm config get omit`, then run the same command again',
  })
}

async function checkNodeRuns(node) {
  if (!node) return
  const result = await capture(node, ['--version'])
  if (result.code === 0 && isAtLeast(result.stdout, nodeFloor)) return
  throw new Problem({
    code: 'bootstrap.node-does-not-run',
    what: 'the Node.js that npm delivered does not run on this machine',
    where: node,
    why: tail(result),
    next: `install Node ${nodeFloor} or newer with your system's package manager (the npm package is built for glibc), then run the same command again`,
  })
}
