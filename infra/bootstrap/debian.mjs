import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpackPackages } from './apt.mjs'
import { say } from './problem.mjs'

/**
 * The newest version of a program that needs no library, from the archive this machine already
 * trusts, only of a newer suite. Returns why it did not work, or nothing when it did.
 */
export async function fetchNewest(name, destination) {
  const release = osRelease()
  const suites = newestSuites[release.ID]
  if (!suites || !hasApt()) return [noArchive(release)]
  const sources = suiteSources(release, systemLists())
  if (sources.length === 0) return ['no source in /etc/apt names the archive of this release']
  announce(name)
  const reasons = []
  for (const suite of suites) {
    for (const source of sources) {
      const get = ['download', name]
      const reason = await unpackPackages(destination, { get, sources: source(suite) })
      if (!reason) return []
      reasons.push(`apt, suite ${suite}: ${reason}`)
    }
  }
  return reasons
}

/**
 * A program of this machine's own release with every library that the machine lacks. `finish` is
 * given the unpacked tree before it is put in its place.
 */
export async function fetchWithLibraries(name, destination, finish) {
  if (!hasApt()) return [noArchive(osRelease())]
  announce(name)
  const get = ['install', '--download-only', '--yes', '--no-install-recommends', name]
  const reason = await unpackPackages(destination, { get, finish })
  return reason ? [`apt: ${reason}`] : []
}

const newestSuites = { debian: ['testing', 'unstable'], ubuntu: ['devel'] }

function announce(name) {
  say(`fetching ${name} from the archive of this machine's distribution (once)`)
}

function hasApt() {
  return (
    process.platform === 'linux' && existsSync('/etc/apt') && existsSync('/var/lib/dpkg/status')
  )
}

function noArchive(release) {
  if (process.platform !== 'linux') return `this is ${process.platform}: no Debian archive`
  return `this is ${release.PRETTY_NAME ?? 'an unknown Linux'}: neither Debian nor Ubuntu`
}

function osRelease() {
  if (!existsSync('/etc/os-release')) return {}
  const lines = readFileSync('/etc/os-release', 'utf8').split('\n')
  return Object.fromEntries(
    lines.flatMap((line) => {
      const match = /^([A-Z_]+)="?(.*?)"?$/.exec(line)
      return match ? [[match[1], match[2]]] : []
    }),
  )
}

/**
 * The machine's own sources of this release, as functions of another suite. A third party may use
 * the release's name too: what looks like the distribution's mirror goes first.
 */
export function suiteSources(release, lists) {
  const own = new Set([
    release.VERSION_CODENAME,
    'stable',
    'oldstable',
    'testing',
    'unstable',
    'sid',
  ])
  const found = lists.flatMap(({ file, text }) =>
    (file.endsWith('.sources') ? stanzas : oneLiners)(text, own),
  )
  const mirror = new RegExp(`/${release.ID}(-ports)?(/|\\s|$)`, 'm')
  const isMirror = (source) => mirror.test(source(''))
  return [...found.filter(isMirror), ...found.filter((source) => !isMirror(source))]
}

function systemLists() {
  const files = ['/etc/apt/sources.list', ...listed('/etc/apt/sources.list.d')].filter((file) =>
    existsSync(file),
  )
  return files.map((file) => ({ file, text: readFileSync(file, 'utf8') }))
}

function listed(directory) {
  if (!existsSync(directory)) return []
  const names = readdirSync(directory).filter((name) => /\.(list|sources)$/.test(name))
  return names.sort().map((name) => join(directory, name))
}

/** deb822. Fields other than type and suite (mirror, keyring, Check-Valid-Until ...) stay as they are. */
function stanzas(text, own) {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const lines = stanza.split('\n').filter((line) => line.trim() && !line.startsWith('#'))
    const field = (name) =>
      lines
        .find((line) => line.toLowerCase().startsWith(`${name}:`))
        ?.split(/\s+/)
        .slice(1)
    if (!field('suites')?.some((suite) => own.has(suite)) || field('enabled')?.[0] === 'no')
      return []
    const kept = lines.filter((line) => !/^(types|suites):/i.test(line)).join('\n')
    return [(suite) => `Types: deb\nSuites: ${suite}\n${kept}`]
  })
}

/** `deb [options] uri suite components`, rewritten as deb822, which has a field for every option. */
function oneLiners(text, own) {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line)
    if (!match || !own.has(match[3])) return []
    const [, options = '', uri, , components] = match
    const fields = options
      .split(/\s+/)
      .filter(Boolean)
      .map((option) => option.split('='))
    const kept = fields.map(
      ([name, value]) => `${deb822Names[name] ?? name}: ${value.replaceAll(',', ' ')}`,
    )
    return [
      (suite) =>
        [
          'Types: deb',
          `Suites: ${suite}`,
          `URIs: ${uri}`,
          `Components: ${components.trim()}`,
          ...kept,
        ].join('\n'),
    ]
  })
}

const deb822Names = { arch: 'Architectures', lang: 'Languages', target: 'Targets' }
