import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture, refuseWhenInterrupted, tail } from './child.mjs'
import { cache } from './place.mjs'
import { say } from './problem.mjs'
import { swap } from './tools.mjs'

/**
 * What `apt-get <get>` delivers, unpacked at `destination` and not installed: mirror, keyring and
 * proxies are the machine's, lists and state our own. Nothing of the system is touched and root is
 * not needed; apt checks signatures and checksums. `sources` replace the machine's own and leave
 * out what it has installed. Returns why it did not work, or nothing when it did.
 */
export async function unpackPackages(destination, { get, sources, finish }) {
  const work = join(cache, `apt.${process.pid}`)
  const fresh = `${destination}.${process.pid}`
  const since = Date.now()
  try {
    const apt = prepareApt(work, sources)
    const updated = await step('apt-get', [...apt, 'update'], work)
    const got = await step('apt-get', [...apt, ...get], work)
    // One dead source fails the update; it only matters when the package was to come from it.
    if (got.code !== 0) return tail(updated.code === 0 ? got : updated)
    const packages = archives(work)
    for (const archive of packages) {
      const unpacked = await step('dpkg-deb', ['-x', archive, fresh], work)
      if (unpacked.code !== 0) return tail(unpacked)
    }
    finish?.(fresh)
    swap(fresh, destination)
    tell(packages, since)
    return undefined
  } finally {
    for (const path of [work, fresh]) rmSync(path, { recursive: true, force: true })
  }
}

function tell(packages, since) {
  const mb = packages.reduce((sum, file) => sum + statSync(file).size, 0) / 1e6
  const seconds = (Date.now() - since) / 1000
  const count = packages.length === 1 ? '1 package' : `${packages.length} packages`
  say(`fetched ${count}, ${mb.toFixed(0)} MB, in ${seconds.toFixed(1)} s`)
}

async function step(command, args, cwd) {
  const result = await capture(command, args, { cwd, env: { ...process.env, LC_ALL: 'C' } })
  refuseWhenInterrupted()
  return result
}

/** `download` leaves them where it runs, `install --download-only` in the cache of archives. */
function archives(work) {
  return [work, join(work, 'archives')].flatMap((place) =>
    readdirSync(place)
      .filter((name) => name.endsWith('.deb'))
      .map((name) => join(place, name)),
  )
}

function prepareApt(work, sources) {
  rmSync(work, { recursive: true, force: true })
  for (const place of ['lists/partial', 'archives/partial', 'state', 'log'])
    mkdirSync(join(work, place), { recursive: true })
  // A copy, because apt wants its locks beside it.
  const status = join(work, 'state', 'status')
  writeFileSync(status, sources ? '' : readFileSync('/var/lib/dpkg/status'))
  // A container image's hooks clean the system's own package cache after an update.
  writeFileSync(
    join(work, 'waybill.conf'),
    '#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n',
  )
  const options = {
    ...(sources ? ownSources(work, sources) : {}),
    'Dir::State': join(work, 'state'),
    'Dir::State::lists': join(work, 'lists'),
    'Dir::State::status': status,
    'Dir::Cache': work,
    'Dir::Cache::archives': join(work, 'archives'),
    'Dir::Log': join(work, 'log'),
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

function ownSources(work, sources) {
  const file = join(work, 'waybill.sources')
  writeFileSync(file, `${sources}\n`)
  return {
    'Dir::Etc::sourcelist': file,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Default-Release': '',
  }
}
