import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture, refuseWhenInterrupted, tail } from './child.mjs'
import { cache } from './place.mjs'
import { say } from './problem.mjs'
import { swap } from './tools.mjs'

/**
 * The newest nats-server of the archive this machine already trusts: same mirror, same keyring,
 * same proxies, only a newer suite, with lists and state of our own. Nothing of the system is
 * touched and root is not needed. Returns why it did not work, or nothing when it did.
 */
export async function fetchFromDebian(destination) {
  if (process.platform !== 'linux') return [`this is ${process.platform}: no Debian archive`]
  const release = osRelease()
  const suites = newestSuites[release.ID]
  if (!suites || !existsSync('/etc/apt'))
    return [`this is ${release.PRETTY_NAME ?? 'an unknown Linux'}: neither Debian nor Ubuntu`]
  const sources = suiteSources(release, systemLists())
  if (sources.length === 0) return ['no source in /etc/apt names the archive of this release']
  say("fetching nats-server from the archive of this machine's distribution (once)")
  const reasons = []
  for (const suite of suites) {
    for (const source of sources) {
      const reason = await download(destination, source(suite))
      if (!reason) return []
      reasons.push(`apt, suite ${suite}: ${reason}`)
    }
  }
  return reasons
}

const newestSuites = { debian: ['testing', 'unstable'], ubuntu: ['devel'] }

async function download(destination, sources) {
  const work = join(cache, `apt.${process.pid}`)
  const fresh = join(cache, `nats-server.${process.pid}`)
  try {
    const apt = prepareApt(work, sources)
    const steps = [
      ['apt-get', [...apt, 'update']],
      ['apt-get', [...apt, 'download', 'nats-server']],
    ]
    for (const [command, args] of steps) {
      const result = await capture(command, args, {
        cwd: work,
        env: { ...process.env, LC_ALL: 'C' },
      })
      refuseWhenInterrupted()
      if (result.code !== 0) return tail(result)
    }
    const archive = readdirSync(work).find((name) => name.endsWith('.deb'))
    const unpacked = await capture('dpkg-deb', ['-x', join(work, archive), fresh])
    if (unpacked.code !== 0) return tail(unpacked)
    swap(fresh, destination)
    return undefined
  } finally {
    for (const path of [work, fresh]) rmSync(path, { recursive: true, force: true })
  }
}

function prepareApt(work, sources) {
  rmSync(work, { recursive: true, force: true })
  for (const place of ['lists/partial', 'archives/partial', 'state', 'log'])
    mkdirSync(join(work, place), { recursive: true })
  writeFileSync(join(work, 'waybill.sources'), `${sources}\n`)
  // A container image's hooks clean the system's own package cache after an update.
  writeFileSync(
    join(work, 'waybill.conf'),
    '#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n',
  )
  const options = {
    'Dir::Etc::sourcelist': join(work, 'waybill.sources'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State': join(work, 'state'),
    'Dir::State::lists': join(work, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': work,
    'Dir::Cache::archives': join(work, 'archives'),
    'Dir::Log': join(work, 'log'),
    'APT::Default-Release': '',
    // Otherwise an archive that cannot be reached is a warning and the package merely unknown.
    'APT::Update::Error-Mode': 'any',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled': 'false',
  }
  return [
    '-c',
    join(work, 'waybill.conf'),
    '-q',
    ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
  ]
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
