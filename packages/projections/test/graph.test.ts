import type { Effect, Manifest } from '@waybill/core'
import { describe, expect, test } from 'vitest'
import { toDot, toMermaid } from '../src/graph/text.ts'
import { graphOf } from '../src/query/graph.ts'
import { findDispatch } from '../src/query/dispatches.ts'
import { binding, createPlayer, createStage, type Player, type Stage } from './player.ts'
import { told } from './told.ts'

function begin(manifest = binding()) {
  const stage = createStage()
  const player = createPlayer(stage, 'triage', 0, 4)
  player.deploy([manifest])
  player.epoch()
  return { stage, player }
}

/** A graph as lines a person would draw: `kind label [status: outcome]`, `a -kind-> b`. */
async function drawn(stage: Stage, scope: 'dispatch' | 'chain' = 'dispatch', of = 0) {
  const { db, log } = await told(stage)
  const rows = await db.selectFrom('dispatch').selectAll().orderBy('number').execute()
  const row = await findDispatch(db, rows[of]?.id ?? '')
  const graph = await graphOf({ db, log }, row, scope)
  const short = new Map(rows.map(({ id }, at) => [id, `D${at + 1}`]))
  const name = (id: string) => {
    const [kind, about = '', ...rest] = id.split(':')
    return [kind, short.get(about) ?? about.slice(-4), ...rest].join(' ')
  }
  const nodes = graph.nodes.map(({ id, label, status, outcome }) => {
    const shown = label.replace(/1-0-[0-9a-f]{8}/, '1-0-…')
    return `${name(id)} "${shown}" ${status}${outcome === undefined ? '' : `: ${outcome}`}`
  })
  const edges = graph.edges.map(({ from, to, kind }) => `${name(from)} -${kind}-> ${name(to)}`)
  const trigger = nodes[0]?.split(' ')[1] ?? ''
  return {
    graph,
    lines: [...nodes, ...edges].map((line) =>
      line
        .replaceAll(`trigger ${trigger} `, 'trigger E ')
        .replaceAll(`trigger ${trigger}`, 'trigger E'),
    ),
  }
}

function fail(player: Player, error: object = {}): void {
  const [effect] = player.pending as [Effect]
  const failure = { class: 'retryable' as const, name: 'Error', message: 'no answer', ...error }
  player.answer(effect, { status: 'failed', error: failure, sent: [], ms: 7 })
}

function succeed(player: Player, sent: string[] = []): void {
  const [effect] = player.pending as [Effect]
  player.answer(effect, { status: 'succeeded', sent, ms: 5 })
}

describe('the action graph of', () => {
  test('a dispatch that succeeds', async () => {
    const { stage, player } = begin()
    player.send({ subject: 'acme/shop#1' })
    succeed(player)
    player.commit()
    expect((await drawn(stage)).lines).toEqual([
      'trigger E "issue.opened" received',
      'dispatch D1 1 "label@v1 attempt 1" completed: success',
      'trigger E -trigger_dispatch-> dispatch D1 1',
    ])
  })

  test('one with a predicate, that fails, waits, fails and is dead-lettered', async () => {
    const when = { kind: 'cel', text: 'event.data.open' } as const
    const retry = { kind: 'fixed', delayMs: 1000, maxAttempts: 2, jitter: 'none' } as const
    const { stage, player } = begin(binding({ when, retry }))
    player.send()
    fail(player)
    stage.now += 1000
    player.settle()
    fail(player, { class: 'rate_limited' })
    player.commit()
    expect((await drawn(stage)).lines).toEqual([
      'trigger E "issue.opened" received',
      'predicate D1 "event.data.open" completed: true',
      'dispatch D1 1 "label@v1 attempt 1" failed: retryable',
      'retry D1 1 "attempt 2 in 1000 ms" over: attempt_2',
      'dispatch D1 2 "label@v1 attempt 2" failed: rate_limited',
      'dlq D1 "retry_exhausted after 2 attempts" pending: retry_exhausted',
      'trigger E -trigger_dispatch-> predicate D1',
      'predicate D1 -predicate_gate-> dispatch D1 1',
      'dispatch D1 1 -retry-> retry D1 1',
      'retry D1 1 -retry-> dispatch D1 2',
      'dispatch D1 2 -dlq_move-> dlq D1',
    ])
  })

  test('one whose asynchronous predicate says no', async () => {
    const when = { kind: 'function', code: 'a'.repeat(32), async: true } as const
    const { stage, player } = begin(binding({ when }))
    player.send({ verdict: 'ask' })
    const [effect] = player.pending as [Effect]
    player.answer(effect, { status: 'judged', matched: false, reason: 'not urgent', ms: 9 })
    player.commit()
    expect((await drawn(stage)).lines).toEqual([
      'trigger E "issue.opened" received',
      'predicate D1 "function" completed: false',
      'skip D1 "not urgent" skipped: predicate',
      'trigger E -trigger_dispatch-> predicate D1',
      'predicate D1 -predicate_gate-> skip D1',
    ])
  })

  test('one that is lost with its host, and cancelled while it runs again', async () => {
    const { stage, player } = begin()
    player.send()
    player.epoch()
    player.settle()
    const [dispatch = ''] = player.partition.dispatches.keys()
    player.cancel({ kind: 'dispatch', dispatch })
    player.commit()
    expect((await drawn(stage)).lines).toEqual([
      'trigger E "issue.opened" received',
      'dispatch D1 1 "label@v1 attempt 1" failed: lost',
      'dispatch D1 2 "label@v1 attempt 2" cancelled: cancelled',
      'cancel D1 "cancelled by ann" cancelled',
      'trigger E -trigger_dispatch-> dispatch D1 1',
      'dispatch D1 1 -retry-> dispatch D1 2',
      'cancel D1 -caused-> dispatch D1 2',
    ])
  })

  test('one that waits for code', async () => {
    const { stage, player } = begin()
    player.send()
    const [effect] = player.pending as [Effect]
    player.answer(effect, { status: 'unhosted' })
    player.epoch()
    player.settle()
    succeed(player)
    player.commit()
    expect((await drawn(stage)).lines).toEqual([
      'trigger E "issue.opened" received',
      'dispatch D1 1 "label@v1 attempt 1" parked: no code here',
      'wait D1 1 "waits for version" over',
      expect.stringMatching(/^dispatch D1 \d "label@v1 attempt \d" completed: success$/),
      'trigger E -trigger_dispatch-> dispatch D1 1',
      'dispatch D1 1 -flow_gate-> wait D1 1',
      expect.stringMatching(/^wait D1 1 -flow_gate-> dispatch D1 \d$/),
    ])
  })

  test('a chain: what a handler sent is its doing, also when the attempt never told', async () => {
    const { stage, player } = begin(binding({ on: ['>'] }))
    player.send({ type: 'a' })
    const [first] = player.partition.dispatches.keys()
    const root = [...stage.events.values()].at(-1)?.id ?? ''
    player.send({ type: 'b', root, depth: 1, parent: first ?? '' })
    const child = [...stage.events.values()].at(-1)?.id ?? ''
    succeed(player, [child])
    const second = [...player.partition.dispatches.keys()].at(-1) ?? ''
    player.send({ type: 'c', root, depth: 2, parent: second })
    player.commit()
    const { lines, graph } = await drawn(stage, 'chain', 2)
    expect(graph.nodes.map(({ label, status }) => `${label} ${status}`)).toEqual([
      'a received',
      'label@v1 attempt 1 completed',
      'b received',
      'label@v1 attempt 1 running',
      'c received',
      'label@v1 attempt 1 running',
    ])
    expect(
      lines
        .filter((line) => line.includes('-caused->'))
        .map((line) => line.replace(/trigger .*/, 'trigger')),
    ).toEqual(['dispatch D1 1 -caused-> trigger', 'dispatch D2 1 -caused-> trigger'])
    // One dispatch alone shows what it sent by name, and not what came of it.
    const alone = await drawn(stage, 'dispatch', 0)
    expect(alone.lines.filter((line) => line.includes('sent'))).toHaveLength(1)
  })
})

const limited = (limits: NonNullable<Manifest['flow']>['limits'], over: Partial<Manifest> = {}) =>
  binding({ flow: { limits, holdWhileRetrying: false }, ...over })
const one = { name: 'only', scope: 'binding', rule: { kind: 'concurrency', max: 1 } } as const

describe('the limits of a dispatch', () => {
  test('one waits for another: which limit, with which numbers, and that it was let in', async () => {
    const { stage, player } = begin(limited([one]))
    player.send()
    player.send()
    player.commit()
    expect((await drawn(stage, 'dispatch', 1)).lines).toEqual([
      'trigger E "issue.opened" received',
      'gate D2 label/only 1 "concurrency label/only (used 1, max 1, ahead 0)" waiting: waiting',
      'trigger E -trigger_dispatch-> gate D2 label/only 1',
    ])
    succeed(player)
    player.commit()
    const { lines, graph } = await drawn(stage, 'dispatch', 1)
    expect(lines).toEqual([
      'trigger E "issue.opened" received',
      'gate D2 label/only 1 "concurrency label/only (used 1, max 1)" completed: granted',
      'dispatch D2 1 "label@v1 attempt 1" running: attempt_1',
      'trigger E -trigger_dispatch-> gate D2 label/only 1',
      'gate D2 label/only 1 -flow_gate-> dispatch D2 1',
    ])
    expect(graph.nodes[1]?.metadata).toMatchObject({
      limit: 'label/only',
      rule: 'concurrency',
      numbers: { used: 1, max: 1 },
      askedAt: stage.now,
      endedAt: stage.now,
    })
  })

  test('one is over a rate: skipped, with the numbers of the limit', async () => {
    const rate = { kind: 'rateLimit', max: 1, periodMs: 60_000 } as const
    const { stage, player } = begin(limited([{ name: 'rate', scope: 'binding', rule: rate }]))
    player.send()
    player.send()
    player.commit()
    const { graph } = await drawn(stage, 'dispatch', 1)
    const numbers = { used: 1, max: 1, periodMs: 60_000, retryAfterMs: 60_000 }
    expect(graph.nodes[1]).toMatchObject({ kind: 'gate', status: 'refused', metadata: { numbers } })
    expect(graph.nodes[2]).toMatchObject({
      kind: 'skip',
      outcome: 'gate',
      metadata: { limit: 'label/rate', numbers },
    })
    expect(graph.edges.map(({ kind }) => kind)).toEqual(['trigger_dispatch', 'flow_gate'])
  })

  test('one is cancelled in the line', async () => {
    const { stage, player } = begin(limited([one]))
    player.send()
    player.send()
    const waiter = [...player.partition.dispatches.keys()].at(-1) ?? ''
    player.cancel({ kind: 'dispatch', dispatch: waiter })
    player.commit()
    const { graph } = await drawn(stage, 'dispatch', 1)
    expect(graph.nodes.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      'trigger received',
      'gate left',
      'cancel cancelled',
    ])
  })

  test('members of a batch and their leader name each other', async () => {
    const rule = { kind: 'batch', size: 2, timeoutMs: 60_000 } as const
    const { stage, player } = begin(limited([{ name: 'batch', scope: 'binding', rule }]))
    player.send()
    player.send()
    player.settle()
    player.commit()
    const member = await drawn(stage, 'dispatch', 1)
    const leader = await drawn(stage, 'dispatch', 0)
    const link = 'skip D2 -batch_member-> gate D1 label/batch 1'
    expect(member.lines).toContain(link)
    expect(leader.lines).toContain(link)
    expect(leader.lines).toContain('skip D2 "batch_merged" skipped: gate')
    expect(member.lines).toContain('gate D1 label/batch 1 "batch label/batch" completed')
  })

  test('a circuit turns one back until it may try', async () => {
    const rule = {
      kind: 'circuit',
      failures: 1,
      ratePercent: 50,
      rateMin: 10,
      windowMs: 60_000,
      openMs: 5000,
      openMaxMs: 60_000,
      whenOpen: 'defer',
    } as const
    const retry = { kind: 'fixed', delayMs: 1000, maxAttempts: 1, jitter: 'none' } as const
    const circuit = { name: 'away', scope: 'binding', rule } as const
    const { stage, player } = begin(limited([circuit], { retry }))
    player.send()
    fail(player)
    player.send()
    player.commit()
    const { graph } = await drawn(stage, 'dispatch', 1)
    const [, gate, retried] = graph.nodes
    expect(gate).toMatchObject({
      kind: 'circuit',
      status: 'deferred',
      label: expect.stringContaining('circuit label/away'),
    })
    expect(retried).toMatchObject({
      kind: 'retry',
      status: 'scheduled',
      metadata: { for: 'circuit' },
    })
    expect(graph.edges.map(({ kind }) => kind)).toEqual(['trigger_dispatch', 'flow_gate'])
  })
})

test('a redriven dispatch hangs on its dead letter, a rerun on the end of the first', async () => {
  const retry = { kind: 'fixed', delayMs: 1000, maxAttempts: 1, jitter: 'none' } as const
  const { stage, player } = begin(binding({ retry }))
  player.send()
  const [dead = ''] = player.partition.dispatches.keys()
  fail(player)
  player.command({
    kind: 'redrive',
    dispatches: [dead],
    version: 'active',
    by: 'ann',
    reason: 'mended',
  })
  succeed(player)
  player.commit()
  const chain = await drawn(stage, 'chain', 0)
  expect(chain.lines).toContain('dlq D1 -redrive-> dispatch D2 1')
  expect(chain.lines).toContain(
    'dlq D1 "retry_exhausted after 1 attempts" resolved: retry_exhausted',
  )
  const alone = await drawn(stage, 'dispatch', 1)
  expect(alone.lines).toContain('dlq D1 "redriven" ended')
  expect(alone.lines).toContain('dlq D1 -redrive-> dispatch D2 1')
})

test('ids hold the dispatch, nodes the sequence at which they last changed', async () => {
  const { stage, player } = begin()
  player.send()
  player.commit()
  succeed(player)
  player.commit()
  const { graph } = await drawn(stage)
  const [dispatch] = graph.nodes.filter(({ kind }) => kind === 'dispatch')
  expect(dispatch?.id).toMatch(/^dispatch:1-0-[0-9a-f]{32}:1$/)
  expect(graph.nodes.map(({ kind, seq }) => [kind, seq])).toEqual([
    ['trigger', 1],
    ['dispatch', 2],
  ])
})

test('as Mermaid and as DOT, whatever a message holds', () => {
  const graph = {
    nodes: [
      {
        id: 'trigger:1',
        kind: 'trigger',
        label: 'a "b"\n<c> \\ #1;',
        status: 'received',
        metadata: {},
        seq: 1,
      },
      {
        id: 'dlq:2',
        kind: 'dlq',
        label: 'x',
        status: 'pending',
        outcome: 'lost',
        metadata: {},
        seq: 2,
      },
    ],
    edges: [{ from: 'trigger:1', to: 'dlq:2', kind: 'dlq_move' }],
  } as const
  expect(toMermaid(graph)).toMatchInlineSnapshot(`
    "flowchart LR
      n0(["a #34;b#34;<br/>#60;c#62; \\ #35;1;<br/>received"])
      n1[["x<br/>pending: lost"]]
      n0 -->|dlq_move| n1
    "
  `)
  expect(toDot(graph)).toMatchInlineSnapshot(`
    "digraph actions {
      rankdir=LR
      "trigger:1" [shape=oval, label="a \\"b\\"\\n<c> \\\\ #1;\\nreceived"]
      "dlq:2" [shape=box3d, label="x\\npending: lost"]
      "trigger:1" -> "dlq:2" [label="dlq_move"]
    }
    "
  `)
})
