import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { SyncMode } from '@waybill/nats'
import { pageFeel } from './page.ts'
import type { Gate } from './submit.ts'
import { devUpMs, startStack, type Stack, type StackOptions } from './stack.ts'
import { median, round } from './usage.ts'

/*
 * Waybill end to end, each process its own: embedded server, dispatcher(s), submitter, perhaps the
 * projector. One JSON line per scenario: medians of the laps after a warm-up. Nothing is asserted.
 *
 *   npm run bench -- [scenario ...] [--laps 3] [--events 10000] [--rows 50000]
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    laps: { type: 'string', default: '3' },
    events: { type: 'string', default: '10000' },
    warm: { type: 'string', default: '10000' },
    /** That the page's list has. */
    rows: { type: 'string', default: '50000' },
  },
})
const laps = Number(values.laps)
const events = Number(values.events)
const warm = Number(values.warm)
const inFlight = 2048

type Scenario = (name: string) => Promise<object>

const scenarios: Record<string, Scenario> = {
  burst: burst({ sync: 'always', dispatchers: 1, projector: false }),
  'burst-default-sync': burst({ sync: 'default', dispatchers: 1, projector: false }),
  'burst-two-dispatchers': burst({ sync: 'always', dispatchers: 2, projector: false }),
  'burst-projector': burst({ sync: 'always', dispatchers: 1, projector: true }),
  retry: retries({ sync: 'always', dispatchers: 1, projector: false }),
  redrive,
  latency: latency('always'),
  'latency-default-sync': latency('default'),
  'latency-gate-here': latency('default', 'here'),
  'latency-gate-elsewhere': latency('default', 'elsewhere'),
  'start-up': startUp,
  replay,
  page: () => pageFeel(laps, Number(values.rows)),
}

const wanted = positionals.length > 0 ? positionals : Object.keys(scenarios)
for (const name of wanted) {
  const scenario = scenarios[name]
  if (!scenario)
    throw new Error(`no scenario ${name}; there are ${Object.keys(scenarios).join(', ')}`)
  const result = await scenario(name)
  console.log(
    JSON.stringify({ bench: name, node: process.version, cores: cpus().length, ...result }),
  )
}

function burst(options: StackOptions): Scenario {
  return async () => {
    await using stack = await startStack(options)
    await stack.ask({ kind: 'burst', count: warm, inFlight })
    const runs: Lap[] = []
    for (let lap = 0; lap < laps; lap++) {
      const projected = options.projector
      const command = { kind: 'burst', count: events, inFlight, projected } as const
      runs.push(await measured(stack, () => stack.ask(command)))
    }
    return { ...options, events, ...summary(runs) }
  }
}

function retries(options: StackOptions): Scenario {
  const count = Math.ceil(events / 5)
  return async () => {
    await using stack = await startStack(options)
    await stack.ask({ kind: 'retry', count: Math.ceil(warm / 5), inFlight })
    const runs: Lap[] = []
    for (let lap = 0; lap < laps; lap++) {
      runs.push(await measured(stack, () => stack.ask({ kind: 'retry', count, inFlight })))
    }
    return { ...options, events: count, failures: 2, ...summary(runs) }
  }
}

/** Dead letters, all run again by one command; each lap has letters of its own. */
async function redrive(): Promise<object> {
  const options = { sync: 'always', dispatchers: 1, projector: true } as const
  await using stack = await startStack(options)
  const runs: Record<string, number>[] = []
  for (let lap = 0; lap < laps; lap++) {
    await stack.ask({ kind: 'die', count: events, inFlight })
    const watched = stack.ask({ kind: 'watch', count: events })
    await stack.redriveAll()
    runs.push(await watched)
  }
  const of = (key: string): number => median(runs.map((run) => run[key] ?? Number.NaN))
  return { ...options, events, perSecond: of('perSecond'), ms: of('ms') }
}

function latency(sync: SyncMode, gate?: Gate): Scenario {
  return async () => {
    await using stack = await startStack({ sync, dispatchers: 1, projector: false })
    await stack.ask({ kind: 'burst', count: warm, inFlight })
    const through = gate === undefined ? {} : { gate }
    await stack.ask({ kind: 'latency', count: 200, ...through })
    const runs: Record<string, number>[] = []
    for (let lap = 0; lap < laps; lap++) {
      runs.push(await stack.ask({ kind: 'latency', count: 500, ...through }))
    }
    const of = (key: string): number => median(runs.map((run) => run[key] ?? Number.NaN))
    return {
      sync,
      ...through,
      acceptedP50Ms: of('acceptedP50Ms'),
      completedP50Ms: of('completedP50Ms'),
      completedP99Ms: of('completedP99Ms'),
    }
  }
}

/** `waybill dev` on an empty folder, from its start to its first words. */
async function startUp(): Promise<object> {
  const runs: number[] = []
  for (let lap = 0; lap < laps; lap++) runs.push(await devUpMs())
  return { ms: round(median(runs)), best: round(Math.min(...runs)) }
}

/** `waybill replay --all` over the journal of a burst: read, step, compare, byte for byte. */
async function replay(): Promise<object> {
  await using stack = await startStack({ sync: 'default', dispatchers: 1, projector: false })
  await stack.ask({ kind: 'burst', count: 5 * events, inFlight })
  const runs: { transitions: number; ms: number }[] = []
  for (let lap = 0; lap < laps; lap++) runs.push(await stack.replayAll())
  const { transitions = Number.NaN } = runs[0] ?? {}
  const ms = median(runs.map((run) => run.ms))
  return { transitions, ms: round(ms), transitionsPerSecond: round((transitions * 1000) / ms, 0) }
}

interface Lap {
  readonly perSecond: number
  /** Until the rows have it, as a multiple of the burst. */
  readonly projected: number | undefined
  readonly ms: number
  readonly cpuPerThousand: Record<string, number>
}

async function measured(stack: Stack, work: () => Promise<Record<string, number>>): Promise<Lap> {
  const before = stack.cpu()
  const result = await work()
  const { ms = Number.NaN, count = Number.NaN, perSecond = Number.NaN, projectedMs } = result
  const after = stack.cpu()
  const cpuPerThousand = Object.fromEntries(
    Object.entries(after).map(([name, used]) => [
      name,
      round(((used - (before[name] ?? 0)) * 1000) / count, 4),
    ]),
  )
  const projected = projectedMs === undefined ? undefined : projectedMs / ms
  return { ms, perSecond, cpuPerThousand, projected }
}

function summary(runs: readonly Lap[]): object {
  const names = Object.keys(runs[0]?.cpuPerThousand ?? {})
  const share = (name: string): number => median(runs.map((run) => run.cpuPerThousand[name] ?? 0))
  return {
    perSecond: median(runs.map((run) => run.perSecond)),
    best: Math.max(...runs.map((run) => run.perSecond)),
    ms: median(runs.map((run) => run.ms)),
    ...(runs[0]?.projected === undefined
      ? {}
      : { projectedTimesBurst: round(median(runs.map((run) => run.projected ?? Number.NaN))) }),
    cpuSecondsPerThousand: round(
      names.reduce((sum, name) => sum + share(name), 0),
      4,
    ),
    cpuBy: Object.fromEntries(names.map((name) => [name, share(name)])),
  }
}
