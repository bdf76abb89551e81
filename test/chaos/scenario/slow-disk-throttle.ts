import { mkdir, rmdir, stat, writeFile } from 'node:fs/promises'
import { rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { leftover } from '../leftovers.ts'

/** The blkio controller of cgroup v1. */
export const throttleRoot = '/sys/fs/cgroup/blkio'

/** Until it is disposed this process writes so often a second to the disk that `dir` is on. */
export async function slowDown(
  pid: number,
  dir: string,
  writesPerSecond: number,
): Promise<AsyncDisposable> {
  const group = join(throttleRoot, `waybill-chaos-${pid}`)
  const everybody = join(throttleRoot, 'cgroup.procs')
  await mkdir(group)
  const guard = leftover(() => {
    writeFileSync(everybody, String(pid))
    rmdirSync(group)
  })
  const { dev } = await stat(dir)
  const limit = `${Math.floor(dev / 256)}:${dev % 256} ${writesPerSecond}`
  await writeFile(join(group, 'blkio.throttle.write_iops_device'), limit)
  await writeFile(join(group, 'cgroup.procs'), String(pid))
  return {
    async [Symbol.asyncDispose]() {
      guard[Symbol.dispose]()
      await writeFile(everybody, String(pid))
      // A moment passes before the group counts as empty.
      for (let attempt = 0; attempt < 50; attempt++) {
        const isGone = await rmdir(group).then(
          () => true,
          () => false,
        )
        if (isGone) return
        await wait(20)
      }
      throw new Error(`${group} cannot be removed`)
    },
  }
}
