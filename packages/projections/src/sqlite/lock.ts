import { DatabaseSync } from 'node:sqlite'
import { StoreLocked } from '../fault.ts'

/**
 * One writer a file. The lock is a transaction that stays open in a file of its own: the kernel
 * lets go of it when the process ends, however it ends, so there is never a stale one to clear.
 */
export function lockStore(file: string): Disposable {
  const db = new DatabaseSync(`${file}.lock`)
  try {
    db.exec('pragma busy_timeout = 0; pragma journal_mode = memory; begin exclusive')
  } catch (cause) {
    db.close()
    if (isBusy(cause)) throw new StoreLocked(file, { cause })
    throw cause
  }
  return { [Symbol.dispose]: () => db.close() }
}

const busy = 5

const isBusy = (cause: unknown): boolean =>
  cause instanceof Error && 'errcode' in cause && cause.errcode === busy
