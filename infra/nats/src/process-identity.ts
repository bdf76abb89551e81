import { execFile } from 'node:child_process'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { promisify } from 'node:util'

/** A pid is reused; a pid with the time its process started is not. */
export interface ProcessIdentity {
  readonly pid: number
  /** Opaque; only ever compared with another reading on the same machine. */
  readonly startedAt: string
}

/** Undefined when there is no such process, or only its zombie, which holds nothing any more. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  if (!isRunning(pid)) return undefined
  const startedAt = (await startedAtFromProc(pid)) ?? (await startedAtFromPs(pid)) ?? 'unknown'
  return startedAt !== zombie && isRunning(pid) ? { pid, startedAt } : undefined
}

const zombie = 'zombie'

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid)
  return now?.startedAt === identity.startedAt
}

/**
 * Which processes this process can see: one boot of one machine, and on Linux one pid namespace.
 * Two containers on one volume are two machines here: pid 7 of one says nothing about the other's.
 */
export async function machineId(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => hostname())
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '')
  return [boot.trim(), namespace].filter(Boolean).join(' ')
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM' // kill(2) throws nothing else
  }
}

/** Field 22 of /proc/<pid>/stat; the second field is a name that may hold spaces and brackets. */
async function startedAtFromProc(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return undefined
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return state === 'Z' ? zombie : rest[18]
}

async function startedAtFromPs(pid: number): Promise<string | undefined> {
  const answer = promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)])
  return answer.then(({ stdout }) => stdout.trim() || undefined).catch(() => undefined)
}
