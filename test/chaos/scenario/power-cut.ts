import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { waybillEvent, decode } from '@waybill/core'
import { decodeBatch, streamNames } from '@waybill/log'
import { checkHistory } from '@waybill/history'
import { judge, openLog } from '../judge.ts'
import { startLoad } from '../load.ts'
import { call, missingForMounts, mount } from '../root.ts'
import type { Scenario } from '../scenario.ts'
import { single, startStack } from '../stack.ts'

/**
 * What a power cut leaves: the image of a disk copied under load. Whatever was acknowledged before
 * the copy began is in the copy, and the copy hangs together. A copy takes a while and a power cut
 * does not, so the server stands still for it: else one stream is copied later than another that it
 * was read from, and seems to have read what is not there.
 */
export function powerCut(sync: 'always' | 'default'): Scenario {
  return {
    what: `a copy of the disk under load, mounted; sync ${sync}`,
    rounds: 5,
    missing: () => missingForMounts('mount', 'umount', 'mkfs.ext4', 'losetup'),
    async run(dir, rounds) {
      const image = join(dir, 'disk.img')
      await call('truncate', '--size', '256M', image)
      await call('mkfs.ext4', '-q', '-F', image)
      await using disk = await mount(join(dir, 'disk'), '-o', 'loop', image)
      const backend = await single(join(disk.dir, 'nats'), { sync })
      await using stack = await startStack(dir, backend)
      const load = startLoad(stack.ingress)
      const problems: string[] = []
      let cut = 0
      for (let round = 0; round < rounds; round++) {
        await wait(500 + Math.random() * 500)
        const before = new Set(load.acknowledged)
        const copy = join(dir, `copy-${round}`)
        process.kill(backend.server.pid, 'SIGSTOP')
        try {
          await copyFile(image, `${copy}.img`)
        } finally {
          process.kill(backend.server.pid, 'SIGCONT')
        }
        const missing = await readCopy(copy, before)
        cut += missing.length
        problems.push(...missing.map((one) => `copy ${round}: ${one}`))
        await rm(`${copy}.img`)
      }
      await load.stop()
      const judged = await judge(stack, load.acknowledged)
      // What the default setting loses is what it is measured for.
      const counted = sync === 'always' ? problems : []
      return {
        ...judged,
        cut,
        lost: judged.lost + counted.length,
        problems: [...judged.problems, ...counted],
      }
    },
  }
}

/** What was acknowledged and is not there, and what verify finds. */
async function readCopy(copy: string, acknowledged: ReadonlySet<string>): Promise<string[]> {
  await using disk = await mount(copy, '-o', 'loop', `${copy}.img`)
  // It names a boot of the machine, and this is still the same one.
  await rm(join(disk.dir, 'nats', 'lock.json'), { force: true })
  await using server = await single(join(disk.dir, 'nats'))
  try {
    await using log = await openLog(server.direct)
    const missing = new Set(acknowledged)
    const stream = streamNames(log.topology).events
    for await (const { bytes } of log.log.read({ stream, subjects: [], fromSeq: 1 })) {
      for (const item of decodeBatch(bytes)) missing.delete(waybillEvent.parse(decode(item)).id)
    }
    const { findings } = await checkHistory(log)
    return [
      ...[...missing].map((id) => `${id} is gone`),
      ...findings.map(({ rule, what }) => `${rule}: ${what}`),
    ]
  } catch (cause) {
    return [`it cannot be read: ${String(cause)}`]
  }
}
