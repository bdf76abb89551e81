import { decode, encode, token } from '@waybill/core'
import type { Clock } from '@waybill/engine'
import type { LeaseStore } from '@waybill/log'
import { z } from 'zod'
import { alertState, type AlertState } from './state.ts'

/**
 * The state of alerts in the bucket of leases: one projector of all keeps it and sends, the others
 * look on. Each change is a compare-and-set, so nobody who was replaced changes anything. Whoever
 * has heard nothing of the keeper for `silentMs`, by a clock of its own, takes over.
 */
export interface Keeper {
  /** Undefined: somebody else keeps it. Otherwise it is ours until a `keep` is refused. */
  take(beginning: AlertState): Promise<AlertState | undefined>
  /** False: somebody else has taken over, and nothing was written. */
  keep(state: AlertState): Promise<boolean>
  /** Somebody else need not wait for our silence. */
  release(): Promise<void>
}

export interface KeeperOptions {
  readonly leases: Pick<LeaseStore, 'get' | 'put'>
  readonly clock: Pick<Clock, 'elapsed'>
  readonly generation: number
  /** `instance` is the same after a restart, and no two live at once: rows have one writer. */
  readonly me: { readonly instance: string; readonly incarnation: string }
  readonly silentMs: number
}

const record = z.strictObject({
  /** Null: nobody's. */
  keeper: z.strictObject({ instance: token, incarnation: token }).nullable(),
  /** Another one each time, so that a keeper is heard though nothing changes. */
  beat: z.int().nonnegative(),
  state: alertState,
})

export function createKeeper(options: KeeperOptions): Keeper {
  const { leases, clock, generation, me, silentMs } = options
  const key = `alerts.${generation}`
  let seen = { revision: 0, at: clock.elapsed() }
  let mine: { revision: number; beat: number; state: AlertState } | undefined

  async function write(state: AlertState, keeper: typeof me | null): Promise<boolean> {
    if (!mine) return false
    const beat = mine.beat + 1
    const revision = await leases.put(key, encode({ keeper, beat, state }), mine.revision)
    mine = revision === undefined ? undefined : { revision, beat, state }
    return mine !== undefined
  }

  return {
    async take(beginning) {
      // What we knew may be old by now: whether it still is ours, the revision says.
      mine = undefined
      const found = await leases.get(key)
      const { revision, keeper, beat, state } = found
        ? { revision: found.revision, ...record.parse(decode(found.value)) }
        : { revision: 0, keeper: null, beat: 0, state: beginning }
      if (revision !== seen.revision) seen = { revision, at: clock.elapsed() }
      const isOurs = keeper === null || keeper.instance === me.instance
      if (!isOurs && clock.elapsed() - seen.at < silentMs) return undefined
      mine = { revision, beat, state }
      return (await write(state, me)) ? state : undefined
    },
    keep: (state) => write(state, me),
    async release() {
      if (mine) await write(mine.state, null)
    },
  }
}
