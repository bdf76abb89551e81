import {
  chmodSync,
  existsSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { fetchWithLibraries } from './debian.mjs'
import { cache, isWindows } from './place.mjs'
import { Problem, report, say } from './problem.mjs'
import { findProgram, isFile, onPath, shortcomings, versionOf } from './program.mjs'

const home = join(cache, 'chromium')
const launcher = 'chromium'

/** From 132 on, what runs without a window is the browser itself and no longer a twin of it. */
const wanted = {
  name: 'chromium',
  variable: 'CHROMIUM',
  floor: '132.0',
  introduces: /^(Chromium|Google Chrome)/,
}

/** CHROMIUM; else PATH, else the cache. Undefined: it has to be fetched. */
export function findChromium(env = process.env) {
  // There, asking Chromium for its version opens a window.
  if (isWindows) return env.CHROMIUM
  return findProgram(wanted, candidates(env), env)
}

/**
 * Only the tests in a browser need it, so a machine that cannot have it is told and goes on: they
 * skip themselves, and fail where CI is set.
 */
export async function fetchChromium(env = process.env) {
  const reasons = await fetchWithLibraries('chromium', home, finish)
  const found = findChromium(env)
  if (found) {
    const { version } = versionOf(found, wanted)
    say(`chromium ${version} is in ${home}`)
    return
  }
  report(
    new Problem({
      code: 'bootstrap.chromium-missing',
      what: `no Chromium ${wanted.floor} or newer was found or could be fetched: tests in a browser do not run`,
      where: 'CHROMIUM, PATH, .cache/chromium, the Debian archive of this machine',
      why: [...shortcomings(wanted, candidates(env)), ...reasons],
      next: [
        ...howToInstall(),
        'then run the same command again; CHROMIUM=/path/to/chromium names one that is not on PATH',
      ],
    }),
  )
}

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const applications = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

function candidates(env) {
  const found = names.map((name) => onPath(name, env))
  return [...found, ...applications, join(home, launcher)].filter((path) => path && isFile(path))
}

/**
 * A package expects to lie at the root: a launcher names the libraries beside it, and the fonts
 * with their settings, which come along where the machine has none of its own.
 */
function finish(tree) {
  const fonts = existsSync(join(tree, 'etc/fonts'))
  if (fonts) settleFonts(tree)
  const libraries = libraryPlaces(tree).map((place) => `$here/${place}`)
  const lines = [
    '#!/bin/sh',
    'here=$(cd -- "$(dirname -- "$0")" && pwd)',
    `export LD_LIBRARY_PATH="${libraries.join(':')}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`,
    ...(fonts ? ['export FONTCONFIG_PATH="$here/etc/fonts"'] : []),
    'exec "$here/usr/lib/chromium/chromium" "$@"',
  ]
  writeFileSync(join(tree, launcher), `${lines.join('\n')}\n`)
  chmodSync(join(tree, launcher), 0o755)
}

/**
 * The settings are links to absolute places, which lead out of the tree, and name such a place for
 * the fonts. (FONTCONFIG_SYSROOT would be shorter, but with it Chromium draws no text.)
 */
function settleFonts(tree) {
  const settings = join(tree, 'etc/fonts/conf.d')
  const entries = readdirSync(settings, { withFileTypes: true })
  for (const { name } of entries.filter((entry) => entry.isSymbolicLink())) {
    const path = join(settings, name)
    const target = join(tree, readlinkSync(path))
    rmSync(path)
    symlinkSync(relative(settings, target), path)
  }
  const fonts = '<dir prefix="relative">../../../usr/share/fonts</dir>'
  writeFileSync(join(settings, '00-fonts.conf'), `<fontconfig>${fonts}</fontconfig>\n`)
}

/** Two libraries keep parts of theirs in folders of their own, found by absolute paths otherwise. */
function libraryPlaces(tree) {
  const shared = ['usr/lib', 'lib'].flatMap((place) =>
    listed(join(tree, place))
      .filter((name) => /-linux-gnu/.test(name))
      .map((name) => join(place, name)),
  )
  const own = shared.flatMap((place) => ['nss', 'pulseaudio'].map((name) => join(place, name)))
  return [...shared, ...own.filter((place) => existsSync(join(tree, place)))]
}

function listed(place) {
  return existsSync(place) ? readdirSync(place) : []
}

function howToInstall() {
  const ways = {
    darwin: ['brew install --cask google-chrome'],
    win32: ['install Chrome, then set CHROMIUM to the path of chrome.exe'],
  }
  const linux = [
    'Debian: sudo apt install chromium',
    "Fedora: sudo dnf install chromium; Arch: sudo pacman -S chromium; Ubuntu: Google's package google-chrome-stable",
  ]
  return ways[process.platform] ?? linux
}
