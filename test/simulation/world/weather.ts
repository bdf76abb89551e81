import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'

/** What may go wrong with one request, as seen on the wire. */
export type Trouble =
  | 'lost' // never arrives; times out
  | 'ack-lost' // carried out, and nobody hears of it
  | 'late' // times out, and is carried out afterwards
  | 'busy' // refused without a verdict: no leader, overload
  | 'in-flight' // an append of this subject is under way (10164)
  | 'slow' // answered just before it would time out
export const troubles: readonly Trouble[] = [
  'lost',
  'ack-lost',
  'late',
  'busy',
  'in-flight',
  'slow',
]

export type Service = 'log' | 'leases' | 'snapshots'

interface Spell {
  readonly until: number
  /** Undefined: everybody. */
  readonly on: string | undefined
}
interface TroubleSpell extends Spell {
  readonly what: Trouble
  readonly share: number
}
interface StaleSpell extends Spell {
  readonly since: number
  readonly share: number
}

/** What is wrong between processes and the server just now. */
export class Weather {
  readonly #schedule: Schedule
  #troubles: TroubleSpell[] = []
  #stale: StaleSpell[] = []
  #away: (Spell & { readonly service: Service | 'all' })[] = []
  /** How often each of it struck. */
  readonly struck = new Map<string, number>()

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  trouble(spell: TroubleSpell): void {
    this.#troubles.push(spell)
  }
  stale(spell: StaleSpell): void {
    this.#stale.push(spell)
  }
  away(spell: Spell & { readonly service: Service | 'all' }): void {
    this.#away.push(spell)
  }

  /** Nothing is wrong any more. */
  clear(): void {
    this.#troubles = []
    this.#stale = []
    this.#away = []
  }

  count(what: string): void {
    this.struck.set(what, (this.struck.get(what) ?? 0) + 1)
  }

  isAway(process: string, service: Service): boolean {
    return this.#away.some(
      (spell) =>
        (spell.service === 'all' || spell.service === service) && this.#covers(spell, process),
    )
  }

  fate(process: string, service: Service, chance: Random): Trouble | undefined {
    if (this.isAway(process, service)) {
      this.count(`${service} away`)
      return 'lost'
    }
    for (const spell of this.#troubles) {
      if (this.#covers(spell, process) && chance.chance(spell.share)) {
        this.count(spell.what)
        return spell.what
      }
    }
    return undefined
  }

  /** A read shows what was there at that time: a leader that is none any more answered. */
  readsAsOf(process: string, chance: Random): number {
    for (const spell of this.#stale) {
      if (this.#covers(spell, process) && chance.chance(spell.share)) {
        this.count('stale read')
        return spell.since
      }
    }
    return Infinity
  }

  #covers({ until, on }: Spell, process: string): boolean {
    return until > this.#schedule.now && (on === undefined || on === process)
  }
}
