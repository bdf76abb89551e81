import type { InstanceOptions } from './options.ts'
import type { Random } from './world/random.ts'
import { troubles, type Trouble } from './world/weather.ts'

interface At {
  /** From the start of the run. */
  readonly atMs: number
}
interface For extends At {
  readonly forMs: number
}
type On = { readonly on: string }

/**
 * What the nemesis does, and when. To add a kind: a line here, one in `draw`, one in the nemesis.
 * A list of them is what a failure is shrunk to.
 */
export type Fault =
  | (For & On & { readonly kind: 'crash' }) // all volatile state is gone; started again afterwards
  | (For & On & { readonly kind: 'stop' }) // drained, then started again
  | (For & On & { readonly kind: 'pause' }) // a stopped process, a long collection of garbage
  | (For & On & { readonly kind: 'clock'; readonly byMs: number })
  | (For & On & { readonly kind: 'double' }) // a second process of the same name
  | (For & {
      readonly kind: 'wire'
      readonly on?: string
      readonly what: Trouble
      readonly share: number
    })
  | (For & On & { readonly kind: 'cut-off' }) // from everything
  | (For & { readonly kind: 'outage' }) // the server is down
  | (For & { readonly kind: 'leases' }) // the bucket of leases does not answer
  | (For & { readonly kind: 'snapshots' })
  | (For & { readonly kind: 'stale'; readonly on?: string; readonly share: number })
  | (At & On & { readonly kind: 'readers' }) // readers of a process give up
  | (For & { readonly kind: 'full' }) // the streams take nothing more
  | (At & { readonly kind: 'power'; readonly stream: 'events' | 'journal'; readonly count: number })

export type FaultKind = Fault['kind']

const ingress = 'ingress'

export function drawFaults(
  chance: Random,
  spanMs: number,
  instances: readonly InstanceOptions[],
  pace: 'minutes' | 'days',
): readonly Fault[] {
  const scale = pace === 'days' ? 600 : 1
  const draw = (): Fault => {
    const atMs = Math.floor(chance.between(1000, spanMs))
    const seconds = (min: number, max: number): number => chance.int(min * 1000, max * 1000) * scale
    const on = chance.pick(instances).name
    const anybody = chance.chance(0.2) ? ingress : on
    switch (chance.pick(kinds)) {
      case 'crash':
        return { kind: 'crash', atMs, on: anybody, forMs: seconds(0, 30) }
      case 'stop':
        return { kind: 'stop', atMs, on, forMs: seconds(0, 10) }
      case 'pause':
        return { kind: 'pause', atMs, on: anybody, forMs: seconds(1, 60) }
      case 'clock': {
        const byMs = chance.pick([-3_600_000, -1500, 1500, 5000, 3_600_000, 86_400_000])
        return { kind: 'clock', atMs, on, forMs: seconds(5, 40), byMs }
      }
      case 'double':
        return { kind: 'double', atMs, on, forMs: seconds(5, 60) }
      case 'wire': {
        const what = chance.pick(troubles)
        const share = chance.pick([0.1, 0.3, 0.7])
        const all = chance.chance(0.5) ? {} : { on: anybody }
        return { kind: 'wire', atMs, forMs: seconds(2, 30), what, share, ...all }
      }
      case 'cut-off':
        return { kind: 'cut-off', atMs, on: anybody, forMs: seconds(2, 50) }
      case 'outage':
        return { kind: 'outage', atMs, forMs: seconds(5, 10) }
      case 'leases':
        return { kind: 'leases', atMs, forMs: seconds(5, 40) }
      case 'snapshots':
        return { kind: 'snapshots', atMs, forMs: seconds(5, 40) }
      case 'stale': {
        const all = chance.chance(0.5) ? {} : { on }
        // As long as it was measured, however slow the rest of the seed is: the product counts on it.
        const forMs = seconds(2, 12) / scale
        return { kind: 'stale', atMs, forMs, share: chance.pick([0.2, 0.6]), ...all }
      }
      case 'readers':
        return { kind: 'readers', atMs, on }
      case 'full':
        return { kind: 'full', atMs, forMs: seconds(2, 20) }
      case 'power': {
        const stream = chance.pick(['events', 'journal'] as const)
        return { kind: 'power', atMs, stream, count: chance.int(1, 4) }
      }
    }
  }
  const count = chance.pick([0, 1, 2, 3, 4, 5, 6, 8])
  // A power cut takes promises away, so it comes alone with what else a seed does, and seldom.
  const kinds = chance.chance(0.08) ? [...usual, ...Array<FaultKind>(6).fill('power')] : usual
  return Array.from({ length: count }, draw).sort((a, b) => a.atMs - b.atMs)
}

const usual: readonly FaultKind[] = [
  'crash',
  'crash',
  'stop',
  'pause',
  'pause',
  'clock',
  'double',
  'wire',
  'wire',
  'wire',
  'cut-off',
  'outage',
  'leases',
  'snapshots',
  'stale',
  'readers',
  'full',
]
