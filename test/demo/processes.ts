import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const cli = join(root, 'packages/cli/src/main.ts')
const nodeArgs = ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning']

/** One `waybill` command as a process, its words in a file of the demo's folder. */
export interface Waybill {
  readonly name: string
  readonly child: ChildProcess
  readonly args: readonly string[]
}

export interface Surroundings {
  readonly dir: string
  readonly env: NodeJS.ProcessEnv
}

export function start({ dir, env }: Surroundings, name: string, args: readonly string[]): Waybill {
  const out = createWriteStream(join(dir, `${name}.log`), { flags: 'a' })
  const child = spawn(process.execPath, [...nodeArgs, cli, ...args], {
    cwd: dir,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  pipe(child, out)
  return { name, child, args }
}

function pipe(child: ChildProcess, out: WriteStream): void {
  child.stdout?.pipe(out, { end: false })
  child.stderr?.pipe(out, { end: false })
  child.once('close', () => out.end())
}

/** Runs a command to its end; its stdout, and its exit code. */
export async function run(
  { dir, env }: Surroundings,
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [...nodeArgs, cli, ...args], {
    cwd: dir,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}

async function text(stream: AsyncIterable<unknown>): Promise<string> {
  let all = ''
  for await (const chunk of stream) all += String(chunk)
  return all
}

export async function end({ child }: Waybill, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'close')
  child.kill(signal)
  await gone
}

/** A port that was free a moment ago; a service that restarts keeps its own. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const readyWithinMs = 60_000
const askEveryMs = 25

/** Asks a service until it says that it is ready. */
export async function untilReady(base: string, service: Waybill): Promise<void> {
  const deadline = performance.now() + readyWithinMs
  while (performance.now() < deadline) {
    const { exitCode, signalCode } = service.child
    if (exitCode !== null || signalCode !== null) {
      throw new Error(`${service.name} ended with ${exitCode ?? signalCode}`)
    }
    const answer = await fetch(`${base}/readyz`).catch(() => undefined)
    if (answer?.ok === true) return
    await pause(askEveryMs)
  }
  throw new Error(`${service.name} was not ready within ${readyWithinMs} ms`)
}
