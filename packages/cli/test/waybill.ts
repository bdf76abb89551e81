import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** The real CLI, from its sources, as a process of its own. */

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const flags = ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning']

export interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Surroundings {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

export function start(args: readonly string[], { cwd, env = {} }: Surroundings): ChildProcess {
  const { NATS_URL: _url, INIT_CWD: _cwd, WAYBILL_DATA: _data, ...rest } = process.env
  return spawn(process.execPath, [...flags, main, ...args], { cwd, env: { ...rest, ...env } })
}

export async function waybill(args: readonly string[], around: Surroundings): Promise<Said> {
  return said(start(args, around), around.input)
}

async function said(child: ChildProcess, input?: string): Promise<Said> {
  if (!child.stdout || !child.stderr) throw new Error('started with pipes, so it has them')
  child.stdin?.end(input)
  const closed = once(child, 'close') as Promise<[number | null]>
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    closed,
  ])
  return { code, stdout, stderr }
}

/** Resolves once the process has said it, on stderr; rejects with all it said when it ends before. */
export function untilSaid(child: ChildProcess, what: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let all = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    all += chunk.toString()
    if (all.includes(what)) resolve(all)
  })
  child.once('close', (code) => reject(new Error(`it ended with ${code}: ${all}`)))
  return promise
}
