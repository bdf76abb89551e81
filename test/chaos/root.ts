import { execFile, execFileSync } from 'node:child_process'
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { leftover } from './leftovers.ts'

const execute = promisify(execFile)

/** Why mounts are not possible here, or undefined. */
export async function missingForMounts(...tools: readonly string[]): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'needs root, to mount a file system of its own'
  for (const tool of tools) {
    if (!(await isInstalled(tool))) return `needs ${tool}`
  }
  return undefined
}

async function isInstalled(tool: string): Promise<boolean> {
  const folders = ['/usr/sbin', '/sbin', '/usr/bin', '/bin']
  const found = await Promise.allSettled(folders.map((folder) => access(join(folder, tool))))
  return found.some(({ status }) => status === 'fulfilled')
}

export interface Mount extends AsyncDisposable {
  readonly dir: string
}

/** Unmounted when it is disposed, whatever still holds it. */
export async function mount(dir: string, ...args: readonly string[]): Promise<Mount> {
  await mkdir(dir, { recursive: true })
  await execute('mount', [...args, dir])
  const guard = leftover(() => execFileSync('umount', ['--lazy', dir]))
  return {
    dir,
    async [Symbol.asyncDispose]() {
      guard[Symbol.dispose]()
      await execute('umount', ['--lazy', dir])
    },
  }
}

export async function call(command: string, ...args: readonly string[]): Promise<void> {
  await execute(command, args)
}
