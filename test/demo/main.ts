import { connect } from '@nats-io/transport-node'
import { openJetStreamLog, readTopology, sha256 } from '@waybill/log'
import { loadApp } from '@waybill/sdk'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { check } from './check.ts'
import { deliveries } from './deliveries.ts'
import { demoOptions, UsageError, type DemoOptions } from './options.ts'
import { post } from './post.ts'
import { run } from './processes.ts'
import { secondAct, type SecondAct } from './second/act.ts'
import { app as appFile, startDev, startProcesses, type Stack } from './stack.ts'
import { untilQuiet } from './watch.ts'

/*
 * `npm run demo`: real GitHub payloads through the real thing, with what must be refused between
 * them, and if asked for with something that breaks in the middle. Ends with 0 only if every event
 * that was acknowledged came to exactly one end per matching binding, and all of it replays.
 */

const quietWithinMs = 180_000

interface Summary {
  readonly events: number
  readonly dispatches: number
  readonly states: Readonly<Record<string, number>>
  readonly duplicates: number
  readonly rejected: number
  readonly replayed: number
  readonly diverged: number
  readonly lost: number
  readonly doubled: number
  readonly epochs: number
  readonly ms: number
  /** Limits, and a destination that fails for a while. */
  readonly secondAct?: SecondAct | undefined
}

async function main(): Promise<number> {
  try {
    const options = demoOptions(process.argv.slice(2))
    const { summary, problems } = await demo(options)
    for (const problem of problems) console.error(`demo: ${problem}`)
    if (options.json) console.log(JSON.stringify(summary))
    else tell(summary, problems.length === 0)
    return problems.length === 0 ? 0 : 1
  } catch (cause) {
    console.error(cause instanceof UsageError ? `demo: ${cause.message}` : cause)
    return cause instanceof UsageError ? 2 : 1
  }
}

async function demo(options: DemoOptions): Promise<{ summary: Summary; problems: string[] }> {
  const began = performance.now()
  const dir = await mkdtemp(join(tmpdir(), 'waybill-demo-'))
  const secret = randomBytes(24).toString('hex')
  let fine = false
  try {
    const first = options.acts.includes(1)
      ? await firstAct(options, dir, secret, began)
      : { summary: none, problems: [] }
    const second = options.acts.includes(2)
      ? await secondAct(join(dir, 'second'), openLog)
      : noSecond
    const problems = [...first.problems, ...second.problems]
    fine = problems.length === 0
    const ms = Math.round(performance.now() - began)
    return { summary: { ...first.summary, secondAct: second.result, ms }, problems }
  } finally {
    if (fine && !options.keep) await rm(dir, { recursive: true, force: true })
    else console.error(`demo: data and logs are in ${dir}`)
  }
}

const none: Summary = {
  events: 0,
  dispatches: 0,
  states: {},
  duplicates: 0,
  rejected: 0,
  replayed: 0,
  diverged: 0,
  lost: 0,
  doubled: 0,
  epochs: 0,
  ms: 0,
}

const noSecond = { result: undefined, problems: [] }

async function firstAct(
  options: DemoOptions,
  dir: string,
  secret: string,
  began: number,
): Promise<{ summary: Summary; problems: string[] }> {
  await using stack = await (options.processes
    ? startProcesses(dir, secret)
    : startDev(dir, secret))
  console.error(`demo: ready after ${Math.round(performance.now() - began)} ms, data in ${dir}`)
  return await load(stack, options, secret, began)
}

async function load(
  stack: Stack,
  { kill, pause, repeat }: DemoOptions,
  secret: string,
  began: number,
): Promise<{ summary: Summary; problems: string[] }> {
  await using log = await openLog(stack.nats)
  let fault: Promise<void> = Promise.resolve()
  const posted = await post(stack.ingress, deliveries(secret, repeat), () => {
    if (kill) fault = stack.kill(kill)
    if (pause) fault = stack.pauseDispatcher()
  })
  await fault
  const signal = AbortSignal.timeout(quietWithinMs)
  const seen = await untilQuiet(log.log, log.topology, posted.ids, signal)
  const verdict = await check(log.log, log.topology, await loadApp(appFile), posted.ids, seen)
  const replayed = await replayAll(stack)
  const verified = await run(stack.surroundings, ['verify', '-o', 'json'])
  const summary: Summary = {
    events: seen.events.size,
    dispatches: verdict.dispatches,
    states: verdict.states,
    duplicates: posted.duplicates,
    rejected: posted.rejected,
    replayed: replayed.dispatches,
    diverged: replayed.diverged,
    lost: verdict.lost.length,
    doubled: verdict.doubled.length,
    epochs: seen.epochs,
    ms: Math.round(performance.now() - began),
  }
  const problems = [
    ...posted.wrong.map((one) => `wrong answer: ${one}`),
    ...verdict.lost.map((one) => `lost: ${one}`),
    ...verdict.doubled.map((one) => `doubled: ${one}`),
    ...replayed.problems,
    ...(verified.code === 0 ? [] : [`verify ended with ${verified.code}: ${verified.stderr}`]),
    ...(summary.replayed === summary.dispatches
      ? []
      : [`${summary.replayed} of ${summary.dispatches} dispatches replayed`]),
  ]
  return { summary, problems }
}

const replayAnswer = z.looseObject({ dispatches: z.int(), diverged: z.int() })

async function replayAll(
  stack: Stack,
): Promise<{ dispatches: number; diverged: number; problems: string[] }> {
  const { code, stdout, stderr } = await run(stack.surroundings, ['replay', '--all', '-o', 'json'])
  const answer = replayAnswer.safeParse(code === 0 || code === 7 ? JSON.parse(stdout) : undefined)
  if (!answer.success) {
    return { dispatches: 0, diverged: 0, problems: [`replay ended with ${code}: ${stderr}`] }
  }
  const { dispatches, diverged } = answer.data
  const problems =
    code === 0 && diverged === 0 ? [] : [`${diverged} dispatches diverged: ${stderr}`]
  return { dispatches, diverged, problems }
}

async function openLog(server: string) {
  const nc = await connect({ servers: server, maxReconnectAttempts: -1, reconnectTimeWait: 200 })
  const topology = await readTopology(nc, 'wb')
  if (!topology) throw new Error('the server has no topology')
  const log = await openJetStreamLog({ nc, topology, hash: sha256 })
  return {
    log,
    topology,
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]()
      await nc.close()
    },
  }
}

function tell(summary: Summary, fine: boolean): void {
  const { states, secondAct: second, ...counts } = summary
  for (const [name, count] of Object.entries(counts)) console.log(`${name.padEnd(12)} ${count}`)
  for (const [state, count] of Object.entries(states)) console.log(`  ${state.padEnd(10)} ${count}`)
  for (const [name, count] of Object.entries(second ?? {})) {
    console.log(`second act: ${name.padEnd(12)} ${told(count)}`)
  }
  console.log(fine ? 'all is as it must be' : 'something is wrong, see above')
}

const told = (value: unknown): string =>
  typeof value === 'number' ? String(value) : JSON.stringify(value)

// Last, so that all constants above are there.
process.exitCode = await main()
