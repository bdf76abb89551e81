import { connect } from '@nats-io/transport-node'
import { createApiClient } from '@waybill/api'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { crashPoints as points, crashVariables, type CrashPoint } from '../crash/points.ts'
import { judge, type Judgement } from '../judge.ts'
import { startLoad, type Load } from '../load.ts'
import type { Outcome, Scenario } from '../scenario.ts'
import { single, startStack, type Service, type Stack } from '../stack.ts'

const reachedWithinMs = 60_000
const passesMax = 5
/** A process comes by here once for each partition that it gets or gives, if at all. */
const rare = /^(leased|epoch|drain)/
/** A host whose event loop is held up for a quarter of it gives way, and this machine may be busy. */
const leaseMs = 8000
/** So few that a partition comes to its second checkpoint within a second. */
const checkpointEntries = '25'

/** A process ends itself with `kill -9` at every named place, and comes back under its name. */
export const crashPoints: Scenario = {
  what: `kill -9 of oneself at ${points.length} named places, judged after each`,
  rounds: 1,
  run: walk,
}

/**
 * Every place once, each process going from one to the next by itself and all at the same time,
 * judged at the end: it takes as long as 11 starts of a dispatcher.
 */
export const crashPointsAtOnce: Scenario = { ...crashPoints, run: (dir) => walkAtOnce(dir) }

async function walkAtOnce(dir: string): Promise<Outcome> {
  await using stack = await openStack(dir)
  const load = startLoad(stack.ingress, { everyMs: 40, eventsMax: Infinity })
  const problems: string[] = []
  const ways = Map.groupBy(points.entries(), ([at, point]) => victimOf(stack, point, at))
  await Promise.all(
    [...ways].map(async ([victim, way]) => {
      await endOf(victim)
      for (const [walked, point] of way) {
        const isReached = await crash(stack, load, { victim, point, passes: 0, walked })
        if (!isReached) problems.push(`${nameOf(point)} was not reached`)
      }
      victim.begin()
    }),
  )
  await load.stop()
  const reached = points.length - problems.length
  const judged = await judge(stack, load.acknowledged)
  problems.push(...judged.problems, ...load.wrong)
  return { ...judged, places: points.length, reached, problems }
}

async function openStack(dir: string): Promise<Stack> {
  const settings = { WAYBILL_DISPATCHER_CHECKPOINT_ENTRIES: checkpointEntries }
  return startStack(dir, await single(join(dir, 'nats')), { settings, leaseMs })
}

async function walk(dir: string, rounds: number): Promise<Outcome> {
  await using stack = await openStack(dir)
  const acknowledged = new Set<string>()
  const problems: string[] = []
  let next = 0
  let reached = 0
  let last: Judgement | undefined
  for (let walked = 0; walked < rounds * points.length; walked++) {
    const point = pointAt(walked)
    const load = startLoad(stack.ingress, { from: next, everyMs: 40 })
    const isOften = walked >= points.length && !rare.test(point.place)
    const passes = isOften ? Math.floor(Math.random() * passesMax) : 0
    const victim = victimOf(stack, point, walked)
    await endOf(victim)
    const isReached = await crash(stack, load, { victim, point, passes, walked })
    victim.begin()
    if (isReached) reached += 1
    else problems.push(`${nameOf(point)} was not reached`)
    await load.stop()
    next = load.next
    for (const id of load.acknowledged) acknowledged.add(id)
    problems.push(...load.wrong)
    last = await judge(stack, acknowledged)
    problems.push(...last.problems.map((one) => `after ${nameOf(point)}: ${one}`))
  }
  return { ...last, places: points.length, reached, problems }
}

async function endOf(victim: Service): Promise<void> {
  victim.kill('SIGKILL')
  await victim.ended()
}

interface Crash {
  /** Does not run. */
  readonly victim: Service
  readonly point: CrashPoint
  /** How often the place is passed before. */
  readonly passes: number
  /** How many came before, so that each has a mark of its own. */
  readonly walked: number
}

/** Starts it, and answers whether it ended there. */
async function crash(stack: Stack, load: Load, how: Crash): Promise<boolean> {
  const { victim, point, passes, walked } = how
  const mark = join(stack.surroundings.dir, `reached-${walked}`)
  victim.begin({
    NODE_OPTIONS: `--import=${preload}`,
    [crashVariables.place]: point.place,
    [crashVariables.passes]: String(passes),
    [crashVariables.mark]: mark,
  })
  const over = new AbortController()
  const provoked = provoke(stack, load, { point, victim, signal: over.signal })
  const patience = setTimeout(() => victim.kill('SIGKILL'), reachedWithinMs)
  await victim.ended()
  clearTimeout(patience)
  over.abort()
  await provoked
  return (await readFile(mark, 'utf8').catch(() => '')) === `${point.place}\n`
}

const preload = new URL('../crash/preload.ts', import.meta.url).href

interface Provocation {
  readonly point: CrashPoint
  readonly victim: Service
  readonly signal: AbortSignal
}

/** Most places are reached by the load alone. */
async function provoke(
  stack: Stack,
  load: Load,
  { point: { place }, victim, signal }: Provocation,
): Promise<void> {
  if (place.startsWith('drain')) {
    await withApi(stack, (api) => untilLeading(api, victim, signal))
    victim.kill('SIGTERM')
  }
  if (place.startsWith('letter')) await withApi(stack, (api) => cancelSome(api, load, signal))
}

async function withApi({ backend }: Stack, work: (api: Api) => Promise<void>): Promise<void> {
  const nc = await connect({ servers: backend.direct.split(',') })
  try {
    await work(createApiClient(nc, { timeoutMs: 1000 }))
  } finally {
    await nc.close()
  }
}

type Api = ReturnType<typeof createApiClient>

/** A host that leads nothing hands nothing over. */
async function untilLeading(api: Api, { name }: Service, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const all = await api.callEach('partition.status', { app: 'chaos' }).catch(() => [])
    const own = all.filter(({ instance }) => instance === name).flatMap((one) => one.partitions)
    if (own.some(({ state }) => state === 'leading')) return
    await wait(20)
  }
}

/** Any dispatcher may be asked, so it is asked until the right one was. */
async function cancelSome(api: Api, load: Load, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const event = [...load.acknowledged].at(-1)
    await wait(20)
    if (event === undefined) continue
    const target = { kind: 'event', event } as const
    const command = { app: 'chaos', target, by: 'chaos', reason: 'to send a letter' }
    // Whoever was to answer may just have ended: that is what it is for.
    await api.call('dispatch.cancel', command).catch(() => undefined)
  }
}

/** Dispatchers take turns. */
function victimOf({ services, dispatchers }: Stack, { victim }: CrashPoint, turn: number): Service {
  const found = victim === 'dispatcher' ? dispatchers[turn % 2] : services[victim]
  if (!found) throw new Error(`there is no ${victim}`)
  return found
}

function pointAt(walked: number): CrashPoint {
  const point = points[walked % points.length]
  if (!point) throw new Error('there are no crash points')
  return point
}

const nameOf = ({ victim, place }: CrashPoint): string => `${victim}/${place}`
