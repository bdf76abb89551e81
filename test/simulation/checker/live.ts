import type { PartitionStatus } from '@waybill/engine'
import type { Checked } from '@waybill/history'
import type { History } from './check.ts'
import type { Tale } from './tale.ts'
import type { Violate } from './violation.ts'

/** What the living hosts believe, against what the log says; and that everything came to its end. */
export function checkLive(
  { options, hosts, settled, lost }: History,
  { partitions }: Checked,
  { tails }: Tale,
  violate: Violate,
): void {
  const open = new Map(partitions.map((one) => [nameOf(one), one.open]))
  const led = hosts.flatMap((host) => {
    const { app, partitions: own } = host.status()
    return own.map((one) => ({ ...one, app }))
  })
  for (const one of led) {
    if (isAtRest(one) && one.confirmed.seq === (tails.get(nameOf(one)) ?? 0)) {
      checkOpen(one, open.get(nameOf(one)) ?? 0, violate)
    }
    if (one.halted !== undefined && lost.length === 0) {
      violate('I0', `slot ${one.slot} halted: ${one.halted}`)
    }
  }
  if (options.mode === 'safety' || settled) return
  const counts = [...open].map(([name, count]) => `${name}: ${count} open`)
  violate('I15', `it did not end: ${counts.join(', ')}; led: ${led.map(textOf).join('; ')}`)
}

const nameOf = ({ app, slot }: { readonly app: string; readonly slot: number }): string =>
  `${app}/${slot}`

/** Only what is at rest can be compared: what is on its way is not in the journal yet. */
const isAtRest = ({ state, uncommitted }: PartitionStatus): boolean =>
  state === 'leading' && uncommitted === 0

function checkOpen({ slot, open }: PartitionStatus, byJournal: number, violate: Violate): void {
  if (open !== byJournal) violate('I9', `slot ${slot}: ${open} open, by the journal ${byJournal}`)
}

const textOf = ({ slot, state, hot, uncommitted, halted }: PartitionStatus): string =>
  `${slot} ${state} hot ${hot} uncommitted ${uncommitted} ${halted ?? ''}`
