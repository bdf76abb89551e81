import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './workspace.ts'

/**
 * Linters fail in silence: a renamed rule, an override that matches nothing, a type-aware run
 * without types all look like success. So each rule has a line that breaks it, and both tools must
 * report exactly those lines.
 */
let place: string
const fixture = join(import.meta.dirname, 'fixture')

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'waybill-rules-'))
  for (const file of ['.oxlintrc.json', 'tsconfig.base.json'])
    await cp(join(root, file), join(place, file))
  await mkdir(join(place, 'packages/core/src'), { recursive: true })
  await mkdir(join(place, 'packages/log/src'), { recursive: true })
  await cp(join(root, 'packages/core/tsconfig.json'), join(place, 'packages/core/tsconfig.json'))
  await writeFile(join(place, 'package.json'), '{ "type": "module" }')
  // Without Node's types, which are not installed there.
  const options = { types: [], lib: ['es2024', 'dom'] }
  const config = { extends: '../../tsconfig.base.json', compilerOptions: options, include: ['src'] }
  await writeFile(join(place, 'packages/log/tsconfig.json'), JSON.stringify(config))
  await cp(join(fixture, 'core.ts'), join(place, 'packages/core/src/core.ts'))
  for (const file of ['everywhere.ts', 'cycle.ts']) {
    await cp(join(fixture, file), join(place, 'packages/log/src', file))
  }
})
afterAll(() => rm(place, { recursive: true, force: true }))

test('in core, the compiler refuses timers, sockets, console and Node', async () => {
  const output = await run('tsc', ['-p', 'packages/core', '--pretty', 'false'])
  const lines = [...output.matchAll(/core\.ts\((\d+),/g)].map((match) => Number(match[1]))
  expect(unique(lines)).toEqual(await marked('core.ts', 'tsc'))
})

test('in core, lint refuses clocks, chance, locales and Node', async () => {
  const found = await lint()
  expect(unique(found.filter(inFile('core.ts')).map(({ line }) => line))).toEqual(
    await marked('core.ts', 'oxlint'),
  )
})

test('every rule fires where it is broken', async () => {
  const found = await lint()
  for (const file of ['everywhere.ts', 'cycle.ts']) {
    const text = await readFile(join(fixture, file), 'utf8')
    const expected = text.split('\n').flatMap((line, index) => {
      const rule = / \/\/ ([a-z-]+)$/.exec(line)?.[1]
      return rule === undefined ? [] : [`${index + 1} ${rule}`]
    })
    const fired = found.filter(inFile(file)).map(({ line, rule }) => `${line} ${rule}`)
    expect(fired).toEqual(expect.arrayContaining(expected))
  }
})

test('a file and a function have an end', async () => {
  const body = '  void 0\n'.repeat(60)
  const long = `export function long(): void {\n${body}}\n${'export {}\n'.repeat(240)}`
  await writeFile(join(place, 'packages/log/src/long.ts'), long)
  const fired = (await lint()).filter(inFile('long.ts')).map(({ rule }) => rule)
  expect(fired).toEqual(expect.arrayContaining(['max-lines', 'max-lines-per-function']))
})

interface Finding {
  readonly file: string
  readonly line: number
  readonly rule: string
}

async function lint(): Promise<Finding[]> {
  const output = await run('oxlint', ['--type-aware', '--format', 'unix'])
  const pattern = /^(\S+?):(\d+):\d+: .*\[Error\/[a-z]+\(([a-z-]+)\)\]$/gm
  return [...output.matchAll(pattern)].map(([, file = '', line, rule = '']) => ({
    file: basename(file),
    line: Number(line),
    rule,
  }))
}

async function run(tool: string, args: string[]): Promise<string> {
  const answer = promisify(execFile)(join(root, 'node_modules/.bin', tool), args, { cwd: place })
  // Findings end a tool with an exit code, which rejects; the output is the same.
  const { stdout } = await answer.catch((cause: { stdout: string }) => cause)
  return stdout
}

async function marked(file: string, tool: string): Promise<number[]> {
  const lines = (await readFile(join(fixture, file), 'utf8')).split('\n')
  const marker = new RegExp(` // .*\\b${tool}\\b`)
  return lines.flatMap((line, index) => (marker.test(line) ? [index + 1] : []))
}

function inFile(name: string): (finding: Finding) => boolean {
  return ({ file }) => file === name
}

function unique(lines: readonly number[]): number[] {
  return [...new Set(lines)].sort((a, b) => a - b)
}
