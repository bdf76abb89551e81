import { acceptEvent, bindingKey, createPartition, headOf, step, type Input } from '@waybill/core'
import { decodeBundle, encodeBundle, sha256 } from '@waybill/log'
import { createReplayer } from '@waybill/history'
import { binding } from '../../history/test/story.ts'

/*
 * Step and compare, transitions a second; the goal is 40,000. By CPU time too, because the wall
 * clock of a busy machine says little:
 *
 *   node --conditions=@waybill/source packages/cli/bench/replay.bench.ts [dispatches]
 */

const dispatches = Number(process.argv[2] ?? 20_000)
const perBundle = 256
const id = { app: 'bench', generation: 1, slot: 0 }
const one = binding()
const bundles = record()
for (let round = 1; round <= 5; round++) replay(round)

function record(): readonly { seq: number; bytes: Uint8Array }[] {
  const partition = createPartition(id, sha256)
  const found: { seq: number; bytes: Uint8Array }[] = []
  let open: Uint8Array[] = []
  let now = Date.UTC(2026, 0, 1)
  const take = (input: Input): readonly string[] => {
    const { bytes, entry } = step(partition, input, now++)
    open.push(bytes)
    return entry.effects.map((effect) => effect.id)
  }
  const close = (): void => {
    const number = found.length + 1
    const place = { app: id.app, generation: 1, slot: 0, epoch: 1, instance: 'bench' }
    const header = { v: 1 as const, rules: 1, ...place, number, positions: {} }
    found.push({ seq: number, bytes: encodeBundle(header, open) })
    open = []
  }
  begin(take, now)
  for (let from = 0; from < dispatches; from += perBundle / 2) {
    const to = Math.min(dispatches, from + perBundle / 2)
    const effects: string[] = []
    for (let at = from; at < to; at++) effects.push(...take(eventInput(at, now)))
    for (const effect of effects) {
      take({ kind: 'result', effect, result: { status: 'succeeded', sent: [], ms: 1 } })
    }
    close()
  }
  return found
}

function refOf(stream: string, seq: number) {
  return { stream, seq, index: 0, hash: '0'.repeat(64) }
}

function begin(take: (input: Input) => unknown, at: number): void {
  const manifests = { manifests: [one], active: [bindingKey(one)] }
  const eventsFrom = { stream: 'EVENTS_g1', seq: 0 }
  const head = { v: 1 as const, kind: 'deploy' as const, app: id.app, number: 1, at, by: 'bench' }
  take({ kind: 'def', ref: refOf('DEFS', 1), change: { ...head, ...manifests, eventsFrom } })
  const host = { instance: 'bench', incarnation: 'bench', rules: 1, hosts: [one.hash], streams: {} }
  take({ kind: 'epoch', epoch: 1, ...host })
}

function eventInput(at: number, now: number): Input {
  const data = { at, pad: 'x'.repeat(200) }
  const draft = { type: 'issue.opened', source: 'bench', data, dedupeKey: `k${at}` }
  const { event } = acceptEvent(draft, { hash: sha256, generation: 1, slots: 1, now })
  const verdicts = [{ binding: bindingKey(one), result: 'matched' as const }]
  return { kind: 'event', ref: refOf('EVENTS_g1', at + 1), head: headOf(event), verdicts }
}

function replay(round: number): void {
  const replayer = createReplayer(id, sha256)
  const began = performance.now()
  const cpu = process.cpuUsage()
  for (const { seq, bytes } of bundles) {
    const diverged = replayer.take({ seq, ...decodeBundle(sha256, bytes) })
    if (diverged) throw new Error(JSON.stringify(diverged))
  }
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  const { transitions } = replayer
  const perSecond = Math.round((transitions / ms) * 1000)
  const perCpuSecond = Math.round((transitions / (user + system)) * 1_000_000)
  console.log(JSON.stringify({ round, transitions, ms: Math.round(ms), perSecond, perCpuSecond }))
}
