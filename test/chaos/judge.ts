import { connect, type NatsConnection } from '@nats-io/transport-node'
import { openJetStreamLog, readTopology, sha256, type EventLog, type Topology } from '@waybill/log'
import { loadApp } from '@waybill/sdk'
import { z } from 'zod'
import { check } from '../demo/check.ts'
import { run, type Surroundings } from '../demo/processes.ts'
import { untilQuiet } from '../demo/watch.ts'
import { checkEffects } from './effects.ts'
import { appFile, type Stack } from './stack.ts'

/** What is left when the dust has settled. */
export interface Judgement {
  readonly acknowledged: number
  readonly dispatches: number
  readonly states: Readonly<Record<string, number>>
  readonly runs: number
  readonly epochs: number
  readonly diverged: number
  readonly lost: number
  readonly doubled: number
  readonly problems: readonly string[]
}

const quietWithinMs = 90_000

/** Waits until everything that was acknowledged has ended, and holds all that is left against it. */
export async function judge(
  { surroundings, effects, backend }: Pick<Stack, 'surroundings' | 'effects' | 'backend'>,
  acknowledged: ReadonlySet<string>,
): Promise<Judgement> {
  await using open = await openLog(backend.direct)
  const { log, topology } = open
  const signal = AbortSignal.timeout(quietWithinMs)
  const seen = await untilQuiet(log, topology, acknowledged, signal)
  const verdict = await check(log, topology, await loadApp(appFile), acknowledged, seen)
  const ran = await checkEffects(log, topology, effects)
  const verified = await run(surroundings, ['verify', '--ended', '-o', 'json'])
  const replayed = await replayAll(surroundings)
  const problems = [
    ...verdict.lost.map((one) => `lost: ${one}`),
    ...[...verdict.doubled, ...ran.doubled].map((one) => `doubled: ${one}`),
    ...ran.wrong.map((one) => `effect: ${one}`),
    ...(verified.code === 0 ? [] : [`verify ended with ${verified.code}: ${verified.stdout}`]),
    ...replayed.problems,
  ]
  return {
    acknowledged: acknowledged.size,
    dispatches: verdict.dispatches,
    states: verdict.states,
    runs: ran.runs,
    epochs: seen.epochs,
    diverged: replayed.diverged,
    lost: verdict.lost.length,
    doubled: verdict.doubled.length + ran.doubled.length,
    problems,
  }
}

const answer = z.looseObject({ diverged: z.int() })

async function replayAll(surroundings: Surroundings) {
  const { code, stdout, stderr } = await run(surroundings, ['replay', '--all', '-o', 'json'])
  const said = answer.safeParse(code === 0 || code === 7 ? JSON.parse(stdout) : undefined)
  if (!said.success) return { diverged: 0, problems: [`replay ended with ${code}: ${stderr}`] }
  const { diverged } = said.data
  return { diverged, problems: diverged === 0 ? [] : [`${diverged} partitions diverged`] }
}

interface OpenLog extends AsyncDisposable {
  readonly log: EventLog
  readonly topology: Topology
}

/** The judge's own way to the log, past whatever stands between the services and it. */
export async function openLog(servers: string): Promise<OpenLog> {
  const nc = await connect({
    servers: servers.split(','),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
  })
  const { log, topology } = await openOn(nc).catch(async (cause: unknown) => {
    // It would try for ever to reach a server that is gone.
    await nc.close()
    throw cause
  })
  return {
    log,
    topology,
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]()
      await nc.close()
    },
  }
}

async function openOn(nc: NatsConnection) {
  const topology = await readTopology(nc, 'wb')
  if (!topology) throw new Error('the server has no topology')
  return { topology, log: await openJetStreamLog({ nc, topology, hash: sha256 }) }
}
