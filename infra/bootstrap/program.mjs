import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { exitCodes, Problem } from './problem.mjs'
import { isAtLeast, parseVersion } from './version.mjs'

/**
 * A program that is there and new enough: the one that its environment variable names, which must
 * be right because somebody asked for it; else the first good one of the candidates.
 */
export function findProgram(wanted, candidates, env) {
  if (env[wanted.variable]) return demanded(wanted, env)
  return candidates.find((path) => isAtLeast(versionOf(path, wanted).version, wanted.floor))
}

export function onPath(name, env) {
  const places = (env.PATH ?? '').split(delimiter).filter(Boolean)
  return places.map((place) => join(place, name)).find(isFile)
}

export function isFile(path) {
  return existsSync(path) && statSync(path).isFile()
}

/** What it says of itself, or why that is nothing. */
export function versionOf(path, { introduces }) {
  if (!existsSync(path)) return { why: 'there is no such file' }
  const result = spawnSync(path, ['--version'], {
    encoding: 'utf8',
    timeout: 5000,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (result.error) return { why: result.error.message }
  const version = introduces.test(result.stdout)
    ? parseVersion(result.stdout)?.join('.')
    : undefined
  return version
    ? { version }
    : {
        why: `\`${path} --version\` ended with ${result.status} and printed: ${(result.stdout || result.stderr).trim().slice(0, 200)}`,
      }
}

/** Of candidates that will not do: what is wrong with each. */
export function shortcomings(wanted, candidates) {
  return candidates.map((path) => {
    const { version, why } = versionOf(path, wanted)
    return version ? `${path} is ${version}` : `${path}: ${why}`
  })
}

function demanded(wanted, env) {
  const { name, variable, floor } = wanted
  const value = env[variable]
  const path = value.includes('/') || value.includes('\\') ? value : (onPath(value, env) ?? value)
  const { version, why } = versionOf(path, wanted)
  if (isAtLeast(version, floor)) return path
  throw new Problem({
    code: version ? `bootstrap.${name}-too-old` : `bootstrap.${name}-unusable`,
    what: version
      ? `${variable} is version ${version}, needed is ${floor} or newer`
      : `${variable} does not name a ${name} that runs`,
    where: `${variable}=${value}`,
    why,
    next: [`unset ${variable} to let Waybill find or fetch one`, `or point it at a newer ${name}`],
    exitCode: exitCodes.configuration,
  })
}
