import { isFinal, type Entry } from '@waybill/core'
import { createClient } from '@waybill/sdk'
import { decodeBundle, decodeEntry, streamNames, type EventLog, type Topology } from '@waybill/log'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { run } from '../processes.ts'
import { startDev, type Stack } from '../stack.ts'
import { bookingsAtOnce, chargesAtOnce, orderPlaced } from './app.ts'
import { startBank, type Bank } from './bank.ts'

/*
 * The second act: a burst through limits, towards a bank that fails for a while. It ends with the
 * circuit closed, the dead letters redriven, nothing waiting, and what the bank saw in order.
 */

export interface SecondAct {
  readonly events: number
  readonly dispatches: number
  readonly states: Readonly<Record<string, number>>
  /** Requests that the bank refused while it was down. */
  readonly refused: number
  readonly deadLetters: number
  readonly redriven: number
  readonly waiting: number
  readonly openCircuits: number
  readonly lost: number
  readonly doubled: number
  readonly replayed: number
  readonly diverged: number
  readonly ms: number
}

const orders = 300
const accounts = 20
/** The bank is down until so many dispatches have died of it. */
const deadBefore = 20
const withinMs = 120_000
const app = fileURLToPath(new URL('app.ts', import.meta.url))

export async function secondAct(
  dir: string,
  openLog: (url: string) => Promise<AsyncDisposable & { log: EventLog; topology: Topology }>,
): Promise<{ result: SecondAct; problems: string[] }> {
  const began = performance.now()
  await mkdir(dir, { recursive: true })
  await using bank = await startBank()
  await using stack = await startDev(dir, 'none', { app, env: { DEMO_BANK_URL: bank.url } })
  await using opened = await openLog(stack.nats)
  const watch = new Watch(opened.log, opened.topology, AbortSignal.timeout(withinMs))
  const ids = await sendOrders(opened.log, opened.topology)
  await watch.until(({ circuitsOpened, dead }) => circuitsOpened > 0 && dead.size >= deadBefore)
  bank.open()
  const all = await watch.until((seen) => isQuiet(seen, ids))
  const deadLetters = all.dead.size
  const redriven = await redriveAll(stack)
  const end = await watch.until(
    (seen) => isQuiet(seen, ids) && [...seen.dead].every((id) => seen.redriven.has(id)),
  )
  const flow = await limitsOf(stack)
  const replay = replayAnswer.parse(await json(stack, ['replay', '--all']))
  const verified = await run(stack.surroundings, ['verify', '--ended', '-o', 'json'])
  const judged = judge(end, ids, bank)
  const result: SecondAct = {
    events: ids.size,
    dispatches: end.ends.size,
    states: tally([...end.ends.values()].map(({ state }) => state)),
    refused: bank.ledger.refused,
    deadLetters,
    redriven,
    waiting: flow.waiting,
    openCircuits: end.openCircuits.size,
    lost: judged.lost.length,
    doubled: judged.doubled.length,
    replayed: replay.dispatches,
    diverged: replay.diverged,
    ms: Math.round(performance.now() - began),
  }
  const problems = [
    ...judged.lost.map((one) => `lost: ${one}`),
    ...judged.doubled.map((one) => `doubled: ${one}`),
    ...judged.wrong,
    ...(deadLetters > 0 ? [] : ['nothing died while the bank was down']),
    ...(redriven === deadLetters ? [] : [`${redriven} of ${deadLetters} dead letters redriven`]),
    ...(flow.waiting + flow.used === 0 ? [] : [`left behind in limits: ${JSON.stringify(flow)}`]),
    ...[...end.openCircuits].map((ledger) => `${ledger} is still open`),
    ...(verified.code === 0 ? [] : [`verify ended with ${verified.code}: ${verified.stdout}`]),
    ...(replay.diverged === 0 ? [] : [`${replay.diverged} dispatches diverged`]),
    ...(replay.dispatches === end.ends.size ? [] : ['not all of it replayed']),
  ]
  return { result, problems }
}

async function sendOrders(log: EventLog, topology: Topology): Promise<ReadonlySet<string>> {
  await using client = await createClient({ log, topology, source: 'shop' })
  const sent = Array.from({ length: orders }, (_, order) => {
    const account = `a${order % accounts}`
    const options = { dedupeKey: `order-${order}`, partitionKey: account }
    return client.send(orderPlaced, { order, account }, options)
  })
  return new Set((await Promise.all(sent)).map(({ id }) => id))
}

const redriveAnswer = z.looseObject({ matched: z.int(), op: z.string().optional() })

async function redriveAll(stack: Stack): Promise<number> {
  const args = ['dead', 'redrive', '--all', '--yes', '--reason', 'the bank is open again']
  const { matched } = redriveAnswer.parse(await json(stack, args))
  return matched
}

const flowAnswer = z.looseObject({
  limits: z.array(
    z.looseObject({ rule: z.looseObject({ kind: z.string() }), used: z.int(), waiting: z.int() }),
  ),
})

/** Windows count what was let in; only permits can be left behind. */
async function limitsOf(stack: Stack): Promise<{ used: number; waiting: number }> {
  const { limits } = flowAnswer.parse(await json(stack, ['flow', 'ls']))
  const permits = limits.filter(({ rule }) => ['concurrency', 'singleton'].includes(rule.kind))
  return {
    used: permits.reduce((sum, { used }) => sum + used, 0),
    waiting: limits.reduce((sum, { waiting }) => sum + waiting, 0),
  }
}

const replayAnswer = z.looseObject({ dispatches: z.int(), diverged: z.int() })

async function json(stack: Stack, args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await run(stack.surroundings, [...args, '-o', 'json'])
  if (code !== 0) throw new Error(`waybill ${args.join(' ')} ended with ${code}: ${stderr}`)
  return JSON.parse(stdout)
}

// --- what the journal says -------------------------------------------------------------------

interface Ended {
  readonly event: string
  readonly binding: string
  readonly state: string
  readonly times: number
}

interface Seen {
  readonly events: Set<string>
  readonly open: Map<string, { event: string; binding: string }>
  readonly ends: Map<string, Ended>
  readonly dead: Set<string>
  readonly redriven: Set<string>
  readonly openCircuits: Set<string>
  circuitsOpened: number
}

const isQuiet = ({ events, open }: Seen, wanted: ReadonlySet<string>): boolean =>
  open.size === 0 && [...wanted].every((id) => events.has(id))

/** Follows the journal of all partitions; asked for a fact, it resolves when that is so. */
class Watch {
  readonly #seen: Seen = {
    events: new Set(),
    open: new Map(),
    ends: new Map(),
    dead: new Set(),
    redriven: new Set(),
    openCircuits: new Set(),
    circuitsOpened: 0,
  }
  #asked: { holds: (seen: Seen) => boolean; resolve: () => void } | undefined
  readonly #following: Promise<never>

  constructor(log: EventLog, topology: Topology, signal: AbortSignal) {
    this.#following = this.#follow(log, topology, signal)
    this.#following.catch(() => undefined)
  }

  async until(holds: (seen: Seen) => boolean): Promise<Seen> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#asked = { holds, resolve }
    if (holds(this.#seen)) resolve()
    await Promise.race([promise, this.#following])
    return this.#seen
  }

  async #follow(log: EventLog, topology: Topology, signal: AbortSignal): Promise<never> {
    const stream = streamNames(topology).journal
    await using reader = log.follow({ stream, subjects: [], fromSeq: 1 }, signal)
    reader.grant({ messages: 256, bytes: 32 * 1024 * 1024 })
    for await (const { bytes } of reader) {
      for (const entry of decodeBundle(log.hash, bytes).entries) this.#take(decodeEntry(entry))
      reader.grant({ messages: 1, bytes: bytes.length })
      if (this.#asked?.holds(this.#seen)) this.#asked.resolve()
    }
    const { open, events } = this.#seen
    throw new Error(`not in time: ${events.size} events, ${open.size} dispatches open`)
  }

  #take({ input, facts }: Entry): void {
    if (input.kind === 'event' && facts[0]?.kind === 'event.seen') {
      this.#seen.events.add(input.head.id)
    }
    for (const fact of facts) this.#note(fact)
  }

  #note(fact: Entry['facts'][number]): void {
    const { openCircuits, redriven } = this.#seen
    if (fact.kind === 'transition') this.#move(fact)
    if (fact.kind === 'dead.redriven') redriven.add(fact.dispatch)
    if (fact.kind !== 'ledger.told') return
    if (fact.circuit.state === 'closed') openCircuits.delete(fact.ledger)
    else if (!openCircuits.has(fact.ledger)) {
      openCircuits.add(fact.ledger)
      this.#seen.circuitsOpened += 1
    }
  }

  #move({ dispatch, origin, to }: Extract<Entry['facts'][number], { kind: 'transition' }>): void {
    const { open, ends, dead } = this.#seen
    if (origin) {
      const binding = origin.binding.slice(0, origin.binding.lastIndexOf('@'))
      open.set(dispatch, { event: origin.event, binding })
    }
    if (!isFinal(to)) return
    const of = open.get(dispatch) ?? ends.get(dispatch)
    if (!of) return
    open.delete(dispatch)
    const { event, binding } = of
    ends.set(dispatch, { event, binding, state: to, times: (ends.get(dispatch)?.times ?? 0) + 1 })
    if (to === 'dlq') dead.add(dispatch)
  }
}

// --- what has to be so -----------------------------------------------------------------------

const bindings = ['charge', 'book', 'remind', 'notify', 'statement'] as const

function judge(
  { ends }: Seen,
  ids: ReadonlySet<string>,
  { ledger }: Bank,
): { lost: string[]; doubled: string[]; wrong: string[] } {
  const lost: string[] = []
  const doubled: string[] = []
  const byPair = Map.groupBy(ends.values(), ({ event, binding }) => `${event} ${binding}`)
  for (const event of ids) {
    for (const binding of bindings) {
      const found = byPair.get(`${event} ${binding}`) ?? []
      if (found.length === 0) lost.push(`${event} ${binding}`)
      if (found.filter(({ state }) => state === 'succeeded').length > 1) {
        doubled.push(`${event} ${binding}`)
      }
    }
  }
  for (const [id, { times }] of ends) if (times > 1) doubled.push(`${id} ended ${times} times`)
  for (const [key, times] of ledger.done) if (times > 1) doubled.push(`the bank did ${key} twice`)
  return { lost, doubled, wrong: [...wrongAtTheBank(ledger), ...wrongInGates(ends)] }
}

function wrongAtTheBank({ atOnce, crossed, charged, done }: Bank['ledger']): string[] {
  const wrong = crossed.map((account) => `${account} was charged twice at one time`)
  const most = { '/charge': chargesAtOnce, '/book': bookingsAtOnce }
  for (const [path, max] of Object.entries(most)) {
    if ((atOnce[path] ?? 0) > max) wrong.push(`${atOnce[path]} requests to ${path} at one time`)
  }
  for (const [account, order] of charged) {
    const sorted = order.toSorted((a, b) => a - b)
    if (order.join() !== sorted.join()) wrong.push(`${account} was charged as ${order.join()}`)
  }
  if (done.size !== 2 * orders) wrong.push(`the bank did ${done.size} things, not ${2 * orders}`)
  return wrong
}

/** What the settings of the app say about how many run. */
function wrongInGates(ends: Seen['ends']): string[] {
  const ran = (binding: string): number =>
    [...ends.values()].filter((one) => one.binding === binding && one.state === 'succeeded').length
  const wrong: string[] = []
  if (ran('charge') !== orders) wrong.push(`${ran('charge')} charges succeeded`)
  if (ran('book') !== orders) wrong.push(`${ran('book')} bookings succeeded in the end`)
  if (ran('remind') < accounts) wrong.push(`${ran('remind')} reminders for ${accounts} accounts`)
  if (ran('statement') * 10 < orders) wrong.push(`${ran('statement')} statements of 10`)
  return wrong
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
