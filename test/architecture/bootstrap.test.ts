import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { suiteSources } from '../../infra/bootstrap/debian.mjs'
import { isAtLeast, parseVersion } from '../../infra/bootstrap/version.mjs'
import { root } from './workspace.ts'

const bootstrap = join(root, 'infra', 'bootstrap')
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-bootstrap-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

describe('a program asked for by name must be right', () => {
  test('a file that is not there', async () => {
    const result = await command(['demo'], { NATS_SERVER: join(dir, 'none') })
    expect(result).toMatchObject({ code: 78, stdout: '' })
    expect(result.stderr).toContain('bootstrap.nats-server-unusable')
    expect(result.stderr).toContain(`where  NATS_SERVER=${join(dir, 'none')}`)
    expect(result.stderr).toContain('there is no such file')
    expect(result.stderr).not.toMatch(/^\s+at /m)
  })

  test.skipIf(process.platform === 'win32')('a server that is too old', async () => {
    const result = await command(['demo'], { NATS_SERVER: await fake('nats-server: v2.10.27') })
    expect(result).toMatchObject({ code: 78, stdout: '' })
    expect(result.stderr).toContain('version 2.10.27, needed is 2.12.7 or newer')
    expect(result.stderr).toContain('next   unset NATS_SERVER')
  })

  test.skipIf(process.platform === 'win32')('a Chromium that is too old', async () => {
    const result = await command(['test'], { CHROMIUM: await fake('Chromium 90.0.4430.212') })
    expect(result).toMatchObject({ code: 78, stdout: '' })
    expect(result.stderr).toContain('bootstrap.chromium-too-old')
    expect(result.stderr).toContain('CHROMIUM is version 90.0.4430, needed is 132.0 or newer')
  })

  test.skipIf(process.platform === 'win32')('something else altogether', async () => {
    const result = await command(['demo'], { NATS_SERVER: await fake('hello') })
    expect(result.code).toBe(78)
    expect(result.stderr).toContain('printed: hello')
  })
})

test('a second run says nothing of its own and is quick', async () => {
  const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    packageManager: string
  }
  await command(['pnpm', '--version'])
  const since = performance.now()
  const result = await command(['pnpm', '--version'])
  expect(result).toEqual({ code: 0, stdout: `${packageManager.split('@')[1]}\n`, stderr: '' })
  expect(performance.now() - since).toBeLessThan(2000)
})

test('pnpm runs although what is installed does not fit: that is how it is mended', async () => {
  await cp(bootstrap, join(dir, 'infra', 'bootstrap'), { recursive: true })
  const names = ['package.json', 'pnpm-workspace.yaml']
  for (const name of names) await cp(join(root, name), join(dir, name))
  await writeFile(join(dir, 'pnpm-lock.yaml'), 'lockfileVersion: "9.0"\n')
  await symlink(join(root, '.cache'), join(dir, '.cache'), 'junction')
  const child = spawn(process.execPath, [
    join(dir, 'infra', 'bootstrap', 'run.mjs'),
    'pnpm',
    '--version',
  ])
  expect(await text(child.stdout)).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('an unknown command is told the known ones', async () => {
  const result = await command(['dance'])
  expect(result.code).toBe(2)
  expect(result.stderr).toMatch(/next {3}one of: start, demo/)
})

test('a signal reaches the child, and its exit code comes back', async () => {
  const script = `process.on('SIGTERM', () => process.exit(7)); console.log('up'); setInterval(() => {}, 1000)`
  const child = inline('child.mjs', `run(process.execPath, ['-e', ${JSON.stringify(script)}])`)
  await once(child.stdout, 'data')
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number]
  expect(code).toBe(7)
})

test.skipIf(process.platform === 'win32')(
  'below npm, the death of the shell in between ends the child too',
  async () => {
    const script = `process.on('SIGTERM', () => { console.log('ended'); process.exit() }); console.log('up'); setInterval(() => {}, 1000)`
    const code = expression('child.mjs', `run(process.execPath, ['-e', ${JSON.stringify(script)}])`)
    const shell = spawn('/bin/sh', ['-c', '"$NODE" --input-type=module -e "$CODE"; true'], {
      env: { ...process.env, npm_execpath: 'npm-cli.js', NODE: process.execPath, CODE: code },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(shell.stdout, 'data')
    shell.kill('SIGTERM')
    expect(await text(shell.stdout)).toBe('ended\n')
  },
)

test('of several bootstraps at once one works and the others wait; a dead one is passed over', async () => {
  const lock = join(dir, 'lock')
  await writeFile(lock, String(2 ** 22 + 1))
  const work = `withLock(${JSON.stringify(lock)}, async () => {
    process.stdout.write('in ')
    await new Promise((done) => setTimeout(done, 50))
    process.stdout.write('out ')
    return 0
  })`
  const log = join(dir, 'log')
  await writeFile(log, '')
  const { openSync } = await import('node:fs')
  const shared = openSync(log, 'a')
  const children = Array.from({ length: 4 }, () => inline('lock.mjs', work, shared))
  const codes = await Promise.all(
    children.map(async (child) => (await once(child, 'exit'))[0] as number),
  )
  expect(codes).toEqual([0, 0, 0, 0])
  expect(await readFile(log, 'utf8')).toBe('in out '.repeat(4))
})

describe("the archive's newer suite is derived from the machine's own sources", () => {
  const debian = { ID: 'debian', VERSION_CODENAME: 'bookworm' }

  test('deb822: mirror and keyring stay; security, disabled and foreign sources do not count', () => {
    const list = `# comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian.gpg
Check-Valid-Until: no

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main`
    expect(render(debian, 'debian.sources', list)).toEqual([
      `Types: deb
Suites: testing
URIs: http://mirror.example/debian
Components: main
Signed-By: /usr/share/keyrings/debian.gpg
Check-Valid-Until: no`,
    ])
  })

  test('one line: options become fields, and the distribution goes before a third party', () => {
    const list = `deb https://apt.example.com bookworm main
# deb http://mirror.example/debian bookworm main
deb [arch=amd64,arm64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # own
deb http://mirror.example/debian bookworm-updates main`
    expect(render(debian, 'sources.list', list)).toEqual([
      `Types: deb
Suites: testing
URIs: http://mirror.example/debian
Components: main contrib
Architectures: amd64 arm64
signed-by: /k.gpg`,
      `Types: deb
Suites: testing
URIs: https://apt.example.com
Components: main`,
    ])
  })

  function render(release: object, file: string, content: string): string[] {
    const found = suiteSources(release, [{ file, text: content }]) as ((suite: string) => string)[]
    return found.map((source) => source('testing'))
  }
})

test('versions compare as numbers', () => {
  expect(parseVersion('nats-server: v2.15.1-dev')).toEqual([2, 15, 1])
  expect(isAtLeast('2.12.10', '2.12.7')).toBe(true)
  expect(isAtLeast('2.9.99', '2.12.7')).toBe(false)
  expect(isAtLeast('24.0.0', '24.0')).toBe(true)
  expect(isAtLeast('', '24.0')).toBe(false)
})

async function command(args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [join(bootstrap, 'run.mjs'), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ])
  return { code, stdout, stderr }
}

/** Runs one expression with the exports of a module of the bootstrap; its value is the exit code. */
function inline(module: string, body: string, stdout: 'pipe' | number = 'pipe') {
  const child = spawn(process.execPath, ['--input-type=module', '-e', expression(module, body)], {
    stdio: ['ignore', stdout, 'inherit'],
  })
  return child as typeof child & { stdout: NonNullable<typeof child.stdout> } // a pipe where it is read
}

function expression(module: string, body: string): string {
  const url = pathToFileURL(join(bootstrap, module)).href
  return `const { run, withLock } = await import('${url}'); process.exitCode = await ${body}`
}

async function fake(output: string): Promise<string> {
  const path = join(dir, 'program')
  await writeFile(path, `#!/bin/sh\necho '${output}'\n`)
  await chmod(path, 0o755)
  return path
}
