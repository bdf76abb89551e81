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

const reachedWithinMs = 40_000
const passesMax = 5
/** A process comes by here once for each partition that it gets or gives, if at all. */
const rare = /^(leased|epoch|drain)/
/** So few that a partition comes to its second checkpoint within a second. */
const checkpointEntries = '25'

/** A process ends itself with `kill -9` at every named place, and comes back under its name. */
export const crashPoints: Scenario = {
  what: `kill -9 of oneself at ${points.length} named places, judged after each`,
  rounds: 1,
  run: (dir, rounds) => walk(dir, rounds, true),
}

/** The same, judged once at the end. */
export const crashPointsOnce: Scenario = { ...crashPoints, run: (dir) => walk(dir, 1, false) }

async function walk(dir: string, rounds: number, judgeEach: boolean): Promise<Outcome> {
  const settings = { WAYBILL_DISPATCHER_CHECKPOINT_ENTRIES: checkpointEntries }
  await using stack = await startStack(dir, await single(join(dir, 'nats')), { settings })
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
    const isReached = await crash(stack, load, { point, passes, walked })
    if (isReached) reached += 1
    else problems.push(`${nameOf(point)} was not reached`)
    await load.stop()
    next = load.next
    for (const id of load.acknowledged) acknowledged.add(id)
    problems.push(...load.wrong)
    if (judgeEach || walked === rounds * points.length - 1) {
      last = await judge(stack, acknowledged)
      problems.push(...last.problems.map((one) => `after ${nameOf(point)}: ${one}`))
    }
  }
  return { ...last, places: points.length, reached, problems }
}

interface Crash {
  readonly point: CrashPoint
  /** How often the place is passed before. */
  readonly passes: number
  /** Dispatchers take turns. */
  readonly walked: number
}

/** Answers whether it ended there. It runs again when this resolves, though perhaps not yet ready. */
async function crash(stack: Stack, load: Load, { point, passes, walked }: Crash): Promise<boolean> {
  const victim = victimOf(stack, point, walked)
  const mark = join(stack.surroundings.dir, `reached-${walked}`)
  victim.kill('SIGKILL')
  await victim.ended()
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
  victim.begin()
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
