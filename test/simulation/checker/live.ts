import type { PartitionStatus } from '@waybill/engine'
import type { History } from './check.ts'
import type { Journal } from './journal.ts'
import type { Violate } from './violation.ts'

/** What the living hosts believe, against what the log says; and that everything came to its end. */
export function checkLive(history: History, journals: readonly Journal[], violate: Violate): void {
  const { options, hosts, settled, lost } = history
  const led = hosts.flatMap((host) => host.status().partitions)
  for (const one of led) {
    checkOpen(one, journals[one.slot], violate)
    if (one.halted !== undefined && lost.length === 0) {
      violate('I0', `slot ${one.slot} halted: ${one.halted}`)
    }
  }
  if (options.mode === 'safety' || settled) return
  const open = journals.map(({ slot, summary }) => `slot ${slot}: ${summary?.open ?? 0} open`)
  violate('I15', `it did not end: ${open.join(', ')}; led: ${led.map(textOf).join('; ')}`)
}

/** Only what is at rest can be compared: what is on its way is not in the journal yet. */
function checkOpen(one: PartitionStatus, journal: Journal | undefined, violate: Violate): void {
  const atRest = one.state === 'leading' && one.uncommitted === 0
  if (!atRest || one.confirmed.seq !== journal?.tailSeq) return
  const byJournal = journal.summary?.open ?? 0
  if (one.open !== byJournal) {
    violate('I9', `slot ${one.slot}: ${one.open} open, by the journal ${byJournal}`)
  }
}

const textOf = ({ slot, state, hot, uncommitted, halted }: PartitionStatus): string =>
  `${slot} ${state} hot ${hot} uncommitted ${uncommitted} ${halted ?? ''}`
