import { decode, encode, token } from '@waybill/core'
import type { LeaseStore } from '@waybill/log'
import { z } from 'zod'
import type { Clock } from './clock.ts'

/**
 * A value that one process keeps and others would go on with. Each change is a compare-and-set, so
 * nobody who was replaced changes anything. Whoever has heard nothing of the keeper for `silentMs`,
 * by a clock of its own, takes over.
 */
export interface Keeper<T> {
  /**
   * Undefined: somebody else keeps it, or there is none and no beginning was given. Otherwise it
   * is ours until a `keep` is refused.
   */
  take(beginning?: T): Promise<T | undefined>
  /** False: somebody else has taken over, and nothing was written. */
  keep(value: T): Promise<boolean>
  /** Somebody else need not wait for our silence. */
  release(): Promise<void>
  /** It is done with. */
  remove(): Promise<void>
}

export interface KeeperOptions<T> {
  readonly leases: Pick<LeaseStore, 'get' | 'put' | 'remove'>
  readonly clock: Pick<Clock, 'elapsed'>
  readonly key: string
  /** Plain data. */
  readonly schema: z.ZodType<T>
  /** `instance` is the same after a restart, and a lock sees to it that no two of it live at once. */
  readonly me: { readonly instance: string; readonly incarnation: string }
  readonly silentMs: number
}

const record = z.strictObject({
  /** Null: nobody's. */
  keeper: z.strictObject({ instance: token, incarnation: token }).nullable(),
  /** Another one each time, so that a keeper is heard though nothing changes. */
  beat: z.int().nonnegative(),
  value: z.unknown(),
})

export function createKeeper<T>(options: KeeperOptions<T>): Keeper<T> {
  const { leases, clock, key, schema, me, silentMs } = options
  let seen = { revision: 0, at: clock.elapsed() }
  let mine: { revision: number; beat: number; value: T } | undefined

  async function write(value: T, keeper: typeof me | null): Promise<boolean> {
    if (!mine) return false
    const beat = mine.beat + 1
    const revision = await leases.put(key, encode({ keeper, beat, value }), mine.revision)
    mine = revision === undefined ? undefined : { revision, beat, value }
    return mine !== undefined
  }

  async function look(beginning: T | undefined) {
    const found = await leases.get(key)
    if (!found) {
      if (beginning === undefined) return undefined
      return { revision: 0, keeper: null, beat: 0, value: beginning }
    }
    const { keeper, beat, value } = record.parse(decode(found.value))
    return { revision: found.revision, keeper, beat, value: schema.parse(value) }
  }

  return {
    async take(beginning) {
      // What we knew may be old by now: whether it still is ours, the revision says.
      mine = undefined
      const found = await look(beginning)
      if (!found) return undefined
      const { revision, keeper, beat, value } = found
      if (revision !== seen.revision) seen = { revision, at: clock.elapsed() }
      const isOurs = keeper === null || keeper.instance === me.instance
      if (!isOurs && clock.elapsed() - seen.at < silentMs) return undefined
      mine = { revision, beat, value }
      return (await write(value, me)) ? value : undefined
    },
    keep: (value) => write(value, me),
    async release() {
      if (mine) await write(mine.value, null)
      mine = undefined
    },
    async remove() {
      if (mine) await leases.remove(key, mine.revision)
      mine = undefined
    },
  }
}
