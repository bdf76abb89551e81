import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openDay, until, type Day, type Entry } from './operator.ts'

/*
 * An operator's day: limits, dead letters, reruns and operations against a real server. Its tests
 * are chapters of one story, in order.
 */

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let day: Day
beforeAll(async () => {
  day = await openDay()
})
afterAll(() => day.close())

describe('limits', () => {
  test('who waits says for what, and the limit says who waits', async () => {
    await Promise.all(['h1', 'h2', 'h3'].map((id) => day.send('job.held', id)))
    const rows = await until(
      () => day.list('--binding', 'slow'),
      (seen) => seen.filter(({ held }) => held).length === 2,
    )
    const waiter = rows.find(({ held }) => held)
    expect(waiter?.held).toMatchObject({
      limit: 'slow/concurrency',
      why: expect.stringMatching(/^waits in slow\/concurrency \(used 1, max 1, ahead [01]\)$/),
    })
    const one = await day.limit('slow/concurrency')
    expect(one).toMatchObject({ used: 1, waiting: 2, rule: { kind: 'concurrency', max: 1 } })
    expect(one.ledgers[0]?.waiters.map(({ dispatch }) => dispatch)).toContain(waiter?.id)
    const shown = await day.ask('dispatch', 'get', waiter?.id ?? '')
    expect(shown.stdout).toContain('waits in slow/concurrency (used 1, max 1')
    const { steps } = await day.json<{ steps: { gates: { ledger: string; result: string }[] }[] }>(
      'dispatch',
      'history',
      waiter?.id ?? '',
    )
    expect(steps.flatMap(({ gates }) => gates).at(-1)).toMatchObject({
      ledger: 'slow/concurrency',
      result: 'waiting',
    })
  })

  test('bad input is told with what would be right', async () => {
    const set = (...args: string[]) => day.refusal('flow', 'set', 'slow/concurrency', ...args)
    expect(await day.refusal('flow', 'get', 'no/limit')).toMatchObject({
      code: 3,
      said: expect.stringMatching(/WB4014 .*\n {2}where: no\/limit\n {2}next: {2}waybill flow ls/),
    })
    expect(await day.refusal('flow', 'set', 'no/limit', '--max', '2')).toMatchObject({
      code: 3,
      said: expect.stringContaining('next:  waybill flow ls'),
    })
    expect(await set('--period', '5s')).toMatchObject({
      code: 5,
      said: expect.stringContaining(
        'it is a concurrency and has no periodMs: what can be set is max',
      ),
    })
    for (const wrong of [[], ['--max', '0'], ['--max', 'two'], ['--max', '2', '--deployed']]) {
      expect((await set(...wrong)).code).toBe(2)
    }
    expect((await set('--set', 'foo=1')).code).toBe(2)
  })

  test('one is set while it is in force, looked at before, and taken back', async () => {
    const dry = await day.json('flow', 'set', 'slow/concurrency', '--max', '2', '--dry-run')
    expect(dry).toMatchObject({ dryRun: true, before: { max: 1 }, after: { max: 2 } })
    expect(dry).not.toHaveProperty('change')
    expect(await day.limit('slow/concurrency')).toMatchObject({ used: 1 })
    await day.json('flow', 'set', 'slow/concurrency', '--max', '2', '--reason', 'more hands')
    await until(
      () => day.limit('slow/concurrency'),
      ({ used, waiting }) => used === 2 && waiting === 1,
    )
    expect(await day.limit('slow/concurrency')).toMatchObject({
      override: { rule: { max: 2 }, reason: 'more hands' },
    })
    expect((await day.ask('flow', 'ls')).stdout).toContain('concurrency max 2 (set)')
    await day.json('flow', 'set', 'slow/concurrency', '--deployed')
    await until(
      () => day.limit('slow/concurrency'),
      (one) => one.override === undefined,
    )
  })

  test('who waits can be cancelled, and leaves the line', async () => {
    const { ledgers } = await day.limit('slow/concurrency')
    const waiter = ledgers[0]?.waiters[0]?.dispatch ?? ''
    expect((await day.ask('dispatch', 'cancel', waiter, '--reason', 'tired')).code).toBe(0)
    await until(
      () => day.limit('slow/concurrency'),
      ({ waiting }) => waiting === 0,
    )
    const graph = await day.json<{ nodes: { kind: string; status: string }[] }>(
      'dispatch',
      'graph',
      waiter,
    )
    expect(graph.nodes.map(({ kind, status }) => `${kind} ${status}`)).toContain('gate left')
  })

  test('what a limit turned away says so, and is run again by hand past it', async () => {
    await day.send('job.counted', 'c1')
    const { id: event } = await day.send('job.counted', 'c2')
    const [skipped] = await until(
      () => day.list('--event', event),
      ([row]) => row?.state === 'skipped',
    )
    const { verdicts } = await day.json<{ verdicts: { binding: string; reason?: string }[] }>(
      'event',
      'explain',
      event,
    )
    expect(verdicts.find(({ binding }) => binding === 'few@v1')?.reason).toContain(
      'few/rateLimit: rate_limited',
    )
    const of = skipped?.id ?? ''
    const dry = await day.json('dispatch', 'rerun', of, '--dry-run')
    expect(dry).toMatchObject({ dryRun: true, of, binding: 'few@v1' })
    const { dispatch } = await day.json<{ dispatch: string }>('dispatch', 'rerun', of)
    await until(
      () => day.list('--event', event),
      (rows) => rows.some((row) => row.id === dispatch && row.state === 'succeeded'),
    )
    const graph = await day.json<{ edges: { kind: string }[] }>('dispatch', 'graph', of, '--chain')
    expect(graph.edges.map(({ kind }) => kind)).toContain('replay_chain')
    expect((await day.refusal('dispatch', 'rerun', '1-0-ffffffffffff')).code).toBe(3)
  })
})

describe('dead letters', () => {
  test('what died of the same thing is one group', async () => {
    await Promise.all(['b1', 'b2', 'b3', 'b4', 'b5'].map((id) => day.send('job.broken', id)))
    const { groups } = await until(
      () => day.json<{ groups: { fingerprint: string; pending: number }[] }>('dead', 'groups'),
      (seen) => seen.groups[0]?.pending === 5,
    )
    expect(groups).toHaveLength(1)
    expect(await day.dead('--group', groups[0]?.fingerprint ?? '')).toHaveLength(5)
  })

  test('nothing is run again by mistake', async () => {
    expect((await day.refusal('dead', 'redrive')).code).toBe(2)
    expect((await day.refusal('dead', 'redrive', '--all')).said).toContain('would redrive 5')
    expect((await day.refusal('dead', 'redrive', '1-0-ffffffffffff')).code).toBe(3)
    expect((await day.refusal('dead', 'redrive', '--all', '--rate', '0')).code).toBe(2)
    expect((await day.refusal('dead', 'redrive', '--all', '--data', '{}')).code).toBe(2)
    expect((await day.refusal('dead', 'redrive', '--all', '--data', '{')).code).toBe(2)
    expect(await day.json('dead', 'redrive', '--all', '--dry-run')).toMatchObject({
      dryRun: true,
      matched: 5,
    })
    expect(await day.dead('--status', 'pending')).toHaveLength(5)
  })

  test('one is mended by other data; twice is refused, also by a dry run: 5', async () => {
    const [one] = await day.dead()
    const id = one?.id ?? ''
    const { started } = await day.json<{ started: { dispatch: string }[] }>(
      'dead',
      'redrive',
      id,
      '--data',
      '{"id":"mended"}',
    )
    expect(started).toHaveLength(1)
    await until(
      () => day.json<{ entry: Entry }>('dead', 'get', id),
      ({ entry }) => entry.status === 'resolved',
    )
    for (const more of [['--dry-run'], []]) {
      const again = await day.ask('dead', 'redrive', id, ...more)
      expect(again).toMatchObject({ code: 5, stdout: expect.stringContaining(id) })
    }
    const graph = await day.ask('dispatch', 'graph', started[0]?.dispatch ?? '', '--as', 'mermaid')
    expect(graph.stdout).toContain('-->|redrive|')
  })

  test('one is given up for good', async () => {
    const [one] = await day.dead('--status', 'pending')
    const id = one?.id ?? ''
    expect(await day.json('dead', 'discard', id, '--dry-run')).toMatchObject({ matched: 1 })
    expect(await day.json('dead', 'discard', id)).toMatchObject({ discarded: 1 })
    expect((await day.ask('dead', 'redrive', id)).code).toBe(5)
    await until(
      () => day.dead('--status', 'discarded'),
      (entries) => entries.some((entry) => entry.id === id),
    )
  })

  test('a redrive with a pace is cancelled half way: what is done stays done', async () => {
    const begun = await day.json<{ op: string; matched: number }>(
      'dead',
      'redrive',
      '--all',
      '--rate',
      '1',
      '--yes',
    )
    expect(begun.matched).toBe(3)
    expect(await day.json('op', 'cancel', begun.op, '--reason', 'enough')).toMatchObject({
      cancelled: true,
    })
    const ended = await until(
      () => day.json<{ state: string; done: number; total: number }>('op', 'get', begun.op),
      ({ state }) => state === 'cancelled',
    )
    expect(ended).toMatchObject({ total: 3, note: expect.stringMatching(/^by cli:.*: enough$/) })
    expect(ended.done).toBeLessThan(3)
    expect(await day.dead('--status', 'redriven')).toHaveLength(ended.done)
    expect((await day.refusal('op', 'cancel', begun.op)).code).toBe(5)
    expect((await day.refusal('op', 'get', 'nothing')).code).toBe(3)
    expect((await day.refusal('op', 'cancel', 'nothing')).code).toBe(3)
  })

  test('all of it stands in the log: who, why, and how it ended', async () => {
    const { operations } = await day.json<{
      operations: { kind: string; by: string; reason: string }[]
    }>('op', 'ls')
    const kinds = new Set(operations.map(({ kind }) => kind))
    expect(kinds).toEqual(new Set(['flow-set', 'cancel', 'rerun', 'redrive', 'discard']))
    expect(operations.every(({ by, reason }) => by.startsWith('cli:') && reason !== '')).toBe(true)
    expect(operations).toContainEqual(expect.objectContaining({ reason: 'more hands' }))
  })
})
