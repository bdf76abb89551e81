import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Host } from '@waybill/engine'

/** Nothing in memory takes longer than this many turns of the event loop to show. */
const stillTurns = 8
const pollMs = 2

/**
 * Waits until nothing moves any more: all that was sent is taken, decided, committed and carried
 * out. Virtual time stands still meanwhile, and so handlers that wait on something real get
 * `patienceMs` of real time; those that don't come to an end are left running, and are not waited
 * for again until something else happens.
 *
 * @throws when the host can't go on
 */
export function createSettle(
  host: Host,
  running: Promise<void>,
  moved: () => string,
  patienceMs: number,
): () => Promise<void> {
  let givenUp = 0
  let failure: { readonly cause: unknown } | undefined
  running.catch((cause: unknown) => (failure = { cause }))

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
    while (hotOf(host) > givenUp && performance.now() < until) {
      const before = moved()
      await setTimeout(pollMs)
      await still()
      if (moved() !== before) until = performance.now() + patienceMs
    }
    givenUp = hotOf(host)
    const halted = host.status().partitions.find(({ state }) => state === 'halted')?.halted
    if (failure || halted) throw new Error(`the host stopped: ${halted}`, failure)
  }
}

const hotOf = (host: Host): number => host.status().room.hot
