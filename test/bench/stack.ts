import { connect } from '@nats-io/transport-node'
import { applyTopology, embeddedTopology } from '@waybill/log'
import { startNatsServer, type NatsServer, type SyncMode } from '@waybill/nats'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { SubmitCommand } from './submit.ts'
import { cpuSeconds } from './usage.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cli = join(root, 'packages/cli/src/main.ts')
const app = join(root, 'test/bench/app.ts')
const nodeArgs = ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning']

/** Server, dispatchers, perhaps a projector, and a submitter: each a process of its own. */
export interface Stack extends AsyncDisposable {
  readonly server: NatsServer
  ask(command: SubmitCommand): Promise<Record<string, number>>
  /** `waybill replay --all`, timed by itself. */
  replayAll(): Promise<{ transitions: number; ms: number }>
  /** `waybill dead redrive --all`, as an operator types it. */
  redriveAll(): Promise<void>
  /** CPU seconds so far, by process. */
  cpu(): Record<string, number>
}

export interface StackOptions {
  readonly sync: SyncMode
  readonly dispatchers: number
  readonly projector: boolean
}

export async function startStack({ sync, dispatchers, projector }: StackOptions): Promise<Stack> {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-bench-'))
  const binary = process.env['NATS_SERVER']
  const server = await startNatsServer({
    dir: join(dir, 'nats'),
    port: 'random',
    sync,
    ...(binary === undefined ? {} : { binary }),
  })
  const nc = await connect({ servers: server.url })
  await applyTopology(nc, embeddedTopology)
  await nc.close()
  const env = { ...process.env, NATS_URL: server.url, WAYBILL_LOG_LEVEL: 'warn' }
  const run = (...args: string[]): ChildProcess =>
    spawn(process.execPath, [...nodeArgs, cli, ...args], {
      cwd: dir,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  await ended(run('deploy', '--app', app))
  const processes: Record<string, ChildProcess> = {}
  for (let n = 1; n <= dispatchers; n++) {
    const data = join(dir, `d${n}`)
    processes[`dispatcher${n}`] = run(
      'dispatcher',
      '--app',
      app,
      '--instance',
      `d${n}`,
      '--data',
      data,
    )
  }
  if (projector) {
    processes['projector'] = run('projector', '--instance', 'p1', '--data', join(dir, 'p1'))
  }
  const submitter = spawn(
    process.execPath,
    [...nodeArgs, join(root, 'test/bench/submit.ts'), '--server', server.url],
    { env, stdio: ['pipe', 'pipe', 'inherit'] },
  )
  processes['submitter'] = submitter
  const answers = answersOf(submitter)
  return {
    server,
    async ask(command) {
      submitter.stdin.write(`${JSON.stringify(command)}\n`)
      const { value, done } = await answers.next()
      if (done) throw new Error('the submitter ended')
      return value
    },
    async replayAll() {
      const child = spawn(process.execPath, [...nodeArgs, cli, 'replay', '--all', '-o', 'json'], {
        cwd: dir,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let said = ''
      for await (const chunk of child.stdout) said += String(chunk)
      return z.looseObject({ transitions: z.number(), ms: z.number() }).parse(JSON.parse(said))
    },
    async redriveAll() {
      const filter = ['--binding', 'broken', '--all']
      await ended(run('dead', 'redrive', ...filter, '--reason', 'bench', '--yes'))
    },
    cpu() {
      const used: Record<string, number> = { server: cpuSeconds(server.pid) }
      for (const [name, { pid }] of Object.entries(processes)) used[name] = cpuSeconds(pid ?? 0)
      return used
    },
    async [Symbol.asyncDispose]() {
      submitter.stdin.end()
      await Promise.all(Object.values(processes).map(stop))
      await server.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** From the start of the process to the line that says it is up. */
export async function devUpMs(): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-bench-'))
  const example = join(root, 'packages/example-github/src/app.ts')
  const args = [
    'dev',
    '--app',
    example,
    '--data',
    dir,
    '--port',
    '0',
    '--dashboard-port',
    '0',
    '--no-tail',
  ]
  const began = performance.now()
  const child = spawn(process.execPath, [...nodeArgs, cli, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await new Promise<void>((up) => {
    child.stderr.on('data', (chunk) => String(chunk).includes('is up') && up())
  })
  const ms = performance.now() - began
  await stop(child)
  await rm(dir, { recursive: true, force: true })
  return ms
}

async function* answersOf(child: ChildProcess): AsyncGenerator<Record<string, number>, void> {
  let rest = ''
  for await (const chunk of child.stdout ?? []) {
    const parts = (rest + String(chunk)).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) yield JSON.parse(part) as Record<string, number> // our own child
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
