import { createReplayer } from '../replay.ts'
import type { Invariant } from '../invariant.ts'

/**
 * Not among those that are always looked at: it costs more than all of them, and asks something
 * else. They ask whether what is recorded hangs together, this one whether it would be decided again.
 */
export const replays: Invariant = {
  name: 'replay',
  law: 'I10',
  holds: 'deciding again what was recorded gives the same bytes',
  of: 'partition',
  watch({ id, hash, fromStart }) {
    const replayer = createReplayer(id, hash)
    let isOver = !fromStart
    return {
      bundle(bundle, complain) {
        if (isOver) return
        const divergence = replayer.take(bundle)
        if (!divergence) return
        isOver = true
        const { differences, place, dispatch } = divergence
        const what = `entry ${place.entry}: ${JSON.stringify(differences[0])}`
        complain('replay.same', what, dispatch === undefined ? {} : { dispatch })
      },
    }
  },
}
