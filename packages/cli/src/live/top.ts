import { setTimeout as wait } from 'node:timers/promises'
import type { ApiClient, PartitionRow, ResponseOf } from '@waybill/api'
import type { LiveBundle } from '@waybill/projections'
import { listen, type LiveSource } from './source.ts'

/** What goes on in an app, at one moment; rates are those of the time since the look before. */
export interface Top {
  readonly app: string
  readonly at: number
  readonly perSecond: {
    readonly started: number
    readonly succeeded: number
    readonly retried: number
    readonly dead: number
  }
  /** In an attempt, between two, and in each other state that is not final. */
  readonly attempting: number
  readonly retryWait: number
  readonly open: Readonly<Record<string, number>>
  readonly dead: number
  /** Limits in whose line somebody stands, the longest line first. */
  readonly waiting: readonly {
    readonly limit: string
    readonly used: number
    readonly waiting: number
    readonly oldest?: number
  }[]
  readonly circuits: ResponseOf<'circuit.list'>['circuits']
  readonly partitions: readonly Led[]
}

interface Led {
  readonly slot: number
  readonly owner: string
  readonly state: PartitionRow['state']
  readonly open: number
  readonly running: number
  /** Age of the oldest input that is not read, ms. */
  readonly lagMs: number
  /** Bundles that are stepped and not stored. */
  readonly uncommitted: number
}

type Counts = { -readonly [K in keyof Top['perSecond']]: number }

const none = (): Counts => ({ started: 0, succeeded: 0, retried: 0, dead: 0 })

/** Counts what the projector tells of, from now on. */
export async function createTop(
  source: LiveSource & { readonly api: ApiClient },
  app: string,
  signal: AbortSignal,
) {
  const heard = await listen(source, app, signal)
  let counts = none()
  const counting = (async () => {
    for await (const bundle of heard) add(counts, bundle)
  })()
  // It ends with the signal; what fails is told by the look that waits for it.
  counting.catch(() => undefined)
  return {
    async look(forMs: number): Promise<Top> {
      const began = performance.now()
      await wait(forMs, undefined, { signal }).catch(() => undefined)
      const seconds = (performance.now() - began) / 1000
      const counted = counts
      counts = none()
      return { ...(await stateOf(source.api, app)), perSecond: perSecond(counted, seconds) }
    },
  }
}

function add(counts: Counts, { transitions }: LiveBundle): void {
  for (const { from, to } of transitions) {
    if (from === null) counts.started += 1
    if (to === 'succeeded') counts.succeeded += 1
    if (to === 'retryWait') counts.retried += 1
    if (to === 'dlq') counts.dead += 1
  }
}

function perSecond(counts: Counts, seconds: number): Counts {
  const rate = (many: number): number => Math.round((many * 10) / seconds) / 10
  const { started, succeeded, retried, dead } = counts
  return {
    started: rate(started),
    succeeded: rate(succeeded),
    retried: rate(retried),
    dead: rate(dead),
  }
}

const openStates = ['received', 'predicate', 'flowGated', 'attempting', 'retryWait', 'waiting']

async function stateOf(api: ApiClient, app: string): Promise<Omit<Top, 'perSecond'>> {
  const [{ states, dead }, flows, circuits, statuses] = await Promise.all([
    api.call('stats.states', { app }),
    api.callEach('flow.list', { app }),
    api.callEach('circuit.list', { app }),
    api.callEach('partition.status', { app }),
  ])
  const open = openStates.flatMap((state) =>
    states[state] ? [[state, states[state]] as const] : [],
  )
  return {
    app,
    at: Date.now(),
    attempting: states['attempting'] ?? 0,
    retryWait: states['retryWait'] ?? 0,
    open: Object.fromEntries(open),
    dead,
    waiting: linesOf(flows.flatMap((flow) => flow.ledgers)),
    circuits: circuits
      .flatMap((answer) => answer.circuits)
      .filter((circuit) => circuit.state !== 'closed'),
    partitions: statuses
      .flatMap((status) => status.partitions)
      .map(ledOf)
      .sort((a, b) => a.slot - b.slot),
  }
}

type Ledger = ResponseOf<'flow.list'>['ledgers'][number]

function linesOf(ledgers: readonly Ledger[]): Top['waiting'] {
  const lines = new Map<string, { limit: string; used: number; waiting: number; oldest?: number }>()
  for (const { limit, used, waiting, oldest } of ledgers) {
    const line = lines.get(limit) ?? { limit, used: 0, waiting: 0 }
    line.used += used
    line.waiting += waiting
    if (oldest !== undefined) line.oldest = Math.min(line.oldest ?? oldest, oldest)
    lines.set(limit, line)
  }
  return [...lines.values()]
    .filter(({ waiting }) => waiting > 0)
    .sort((a, b) => b.waiting - a.waiting || (a.limit < b.limit ? -1 : 1))
}

const ledOf = ({
  partition,
  owner,
  state,
  open,
  running,
  lagMs,
  ...numbers
}: PartitionRow): Led => ({
  slot: partition.slot,
  owner,
  state,
  open,
  running,
  lagMs,
  uncommitted: numbers.steppedNumber - numbers.committedNumber,
})
