import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { exitCodes, ServiceError } from '@waybill/service'

/**
 * Holds the name of this instance on this machine. The lock is the operating system's own (SQLite
 * takes it, Node has no call for it), so it is gone when the process is, whatever it died of: who
 * holds it knows that the one before is dead and takes its partitions back without waiting.
 */
export async function lockInstance(folder: string, instance: string): Promise<Disposable> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${instance}.lock`)
  const database = new DatabaseSync(file)
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    throw new ServiceError(
      {
        code: 'WB2301',
        what: `another dispatcher named ${instance} is running`,
        where: file,
        why: 'one name is one process',
        next: 'stop the other one, or give this one another --instance',
        exitCode: exitCodes.config,
      },
      { cause },
    )
  }
  return { [Symbol.dispose]: () => database.close() }
}
