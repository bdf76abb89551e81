import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Host } from '@waybill/engine'

/** Nothing in memory takes longer than this many turns of the event loop to show. */
const stillTurns = 8
const pollMs = 2

export interface Settling {
  readonly hosts: readonly Host[]
  readonly running: Promise<unknown>
  /** Changes whenever anything happened. */
  readonly moved: () => string
  /** Handlers that wait for virtual time. */
  readonly asleep: () => number
  readonly patienceMs: number
}

/**
 * Waits until nothing moves any more: all that was sent is taken, decided, committed and carried
 * out. Virtual time stands still meanwhile, and so handlers that wait on something real get
 * `patienceMs` of real time; those that don't come to an end are left running, and are not waited
 * for again until something else happens.
 *
 * @throws when a host can't go on
 */
export function createSettle(settling: Settling): () => Promise<void> {
  const { hosts, running, moved, asleep, patienceMs } = settling
  let givenUp = 0
  let failure: { readonly cause: unknown } | undefined
  running.catch((cause: unknown) => (failure = { cause }))

  const awake = (): number => hosts.reduce((sum, one) => sum + hotOf(one), 0) - asleep()

  async function still(): Promise<void> {
    let before = ''
    for (let turns = 0; turns < stillTurns; turns++) {
      await setImmediate()
      const now = moved()
      if (now !== before) turns = 0
      before = now
    }
  }

  return async () => {
    await still()
    let until = performance.now() + patienceMs
    while (awake() > givenUp && performance.now() < until) {
      const before = moved()
      await setTimeout(pollMs)
      await still()
      if (moved() !== before) until = performance.now() + patienceMs
    }
    givenUp = awake()
    const partitions = hosts.flatMap((one) => one.status().partitions)
    const halted = partitions.find(({ state }) => state === 'halted')?.halted
    if (failure || halted) throw new Error(`the host stopped: ${halted}`, failure)
  }
}

const hotOf = (host: Host): number => host.status().room.hot
