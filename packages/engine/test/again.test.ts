import {
  letterAnswer,
  waybillEvent,
  type KeyedLimit,
  type Letter,
  type LetterAnswer,
  type Plain,
} from '@waybill/core'
import { describe, expect, test } from 'vitest'
import {
  appOf,
  createSystem,
  definition,
  ends,
  eventually,
  leading,
  transitions,
  until,
  type Run,
  type RunningHost,
  type System,
} from './system.ts'

interface Started {
  readonly system: System
  readonly running: RunningHost
  readonly runs: { dispatch: string; idempotencyKey: string; data: Plain }[]
  /** From now on handlers succeed. */
  mend(): void
  ask(body: Letter['body'], id?: string): Promise<LetterAnswer>
  dead(): Promise<string>
}

async function start(run?: Run): Promise<Started> {
  const system = createSystem()
  const runs: Started['runs'] = []
  let mended = false
  const app = appOf({
    definitions: [definition({ retry: { kind: 'immediate', maxAttempts: 2, jitter: 'none' } })],
    run: async (attempt, binding) => {
      const { dispatch, idempotencyKey, event } = attempt
      runs.push({ dispatch, idempotencyKey, data: event.data })
      if (!mended) throw new Error('out of order')
      return run?.(attempt, binding)
    },
  })
  await system.deploy(app)
  const running = system.host(app)
  await until('it leads', () => leading(running) === 1)
  let letters = 0
  return {
    system,
    running,
    runs,
    mend: () => {
      mended = true
    },
    async ask(body, id = `letter-${++letters}`) {
      const from = { kind: 'client', id: 'test' } as const
      const asked = system.replies.length
      await running.host.post(0, { v: 1, id, from, body, replyTo: 'here' })
      await until('it is answered', () => system.replies.length > asked)
      return letterAnswer.parse(system.replies.at(-1)?.body)
    },
    async dead() {
      await system.send({ data: { n: 1 } })
      await eventually(system, 'it died', async () =>
        [...ends(await system.journal()).values()].some(([end]) => end === 'dlq'),
      )
      const [id] = [...ends(await system.journal()).keys()]
      if (id === undefined) throw new Error('nothing died')
      return id
    },
  }
}

const why = { by: 'ann', reason: 'mended' }
const redrive = (id: string): Letter['body'] => ({
  kind: 'redrive',
  dispatches: [id],
  version: 'active',
  ...why,
})

describe('11 a dead letter that is redriven', () => {
  test('runs as a new dispatch under the same idempotency key, and the old one stays dead', async () => {
    const { system, running, runs, mend, ask, dead } = await start()
    const old = await dead()
    mend()
    const answer = await ask(redrive(old))
    if (answer.kind !== 'redriven') throw new Error(answer.kind)
    const [started] = answer.started
    expect(started?.of).toBe(old)
    await eventually(system, 'both ended', async () => ends(await system.journal()).size === 2)
    const ended = ends(await system.journal())
    expect(ended.get(old)).toEqual(['dlq'])
    expect(ended.get(started?.dispatch ?? '')).toEqual(['succeeded'])
    expect(runs.at(-1)).toEqual({
      dispatch: started?.dispatch,
      idempotencyKey: old,
      data: { n: 1 },
    })
    const first = transitions(await system.journal()).find(
      ({ dispatch }) => dispatch === started?.dispatch,
    )
    expect(first?.origin).toMatchObject({ rerunOf: old, root: old, redrives: 1 })
    await running.stop()
  })

  test('is redriven once, whoever asks, and three times in its line', async () => {
    const { system, running, ask, dead } = await start()
    let id = await dead()
    for (let line = 1; line <= 3; line++) {
      const answer = await ask(redrive(id))
      if (answer.kind !== 'redriven') throw new Error(answer.kind)
      const again = await ask(redrive(id))
      expect(again).toMatchObject({ declined: [{ dispatch: id, code: 'already_redriven' }] })
      id = answer.started[0]?.dispatch ?? ''
      const dying = id
      await eventually(system, 'it died again', async () => ends(await system.journal()).has(dying))
    }
    expect(await ask(redrive(id))).toMatchObject({
      started: [],
      declined: [{ code: 'redrive_limit' }],
    })
    await running.stop()
  })

  test('with other data runs with that data', async () => {
    const { system, running, runs, mend, ask, dead } = await start()
    const old = await dead()
    const event = [...(await system.journal())].flatMap(({ input }) =>
      input.kind === 'event' ? [input.head] : [],
    )[0]
    if (!event) throw new Error('no event')
    mend()
    const edited = waybillEvent.parse({
      v: 1,
      headers: {},
      signature: { state: 'unsigned' },
      dedupeKey: 'k1',
      receivedAt: 0,
      ...event,
      data: { n: 2 },
    })
    const answer = await ask({ ...redrive(old), event: edited } as Letter['body'])
    expect(answer).toMatchObject({ started: [{ of: old }] })
    await eventually(system, 'both ended', async () => ends(await system.journal()).size === 2)
    expect(runs.at(-1)).toMatchObject({ idempotencyKey: old, data: { n: 2 } })
    await running.stop()
  })

  test('was discarded: nobody runs it again', async () => {
    const { running, ask, dead } = await start()
    const old = await dead()
    expect(await ask({ kind: 'discard', dispatches: [old], ...why })).toEqual({
      kind: 'discarded',
      dispatches: [old],
      declined: [],
    })
    expect(await ask(redrive(old))).toMatchObject({ declined: [{ code: 'discarded' }] })
    await running.stop()
  })

  test('is known to whoever takes the partition over', async () => {
    const { system, running, ask, dead } = await start()
    const old = await dead()
    await ask(redrive(old))
    running.crash()
    const heir = system.host(appOf({ run: async () => undefined }))
    await eventually(system, 'it is led again', () => leading(heir) === 1)
    const asked = system.replies.length
    await heir.host.post(0, {
      v: 1,
      id: 'late',
      from: {
        kind: 'client',
        id: 'test',
      },
      replyTo: 'here',
      body: redrive(old),
    })
    await until('it is answered', () => system.replies.length > asked)
    expect(system.replies.at(-1)?.body).toMatchObject({ declined: [{ code: 'already_redriven' }] })
    await heir.stop()
  })
})

describe('under a newer version with limits that the one before had not', () => {
  const limit: KeyedLimit = {
    name: 'slow',
    scope: 'binding',
    key: { kind: 'cel', text: 'event.data.n' },
    rule: { kind: 'concurrency', max: 1 },
  }
  async function deployLimited({ system, running }: Started): Promise<RunningHost> {
    await running.stop()
    const app = appOf({
      definitions: [definition({ flow: { limits: [limit], holdWhileRetrying: false } })],
      key: (_, event) => String((event.data as { n: number }).n),
      run: async () => undefined,
      judge: () => Promise.reject(new Error('it was let in before')),
    })
    await system.deploy(app)
    const heir = system.host(app)
    await until('it leads', () => leading(heir) === 1)
    return heir
  }

  async function askOf(system: System, heir: RunningHost, body: Letter['body']) {
    const asked = system.replies.length
    const from = { kind: 'client', id: 'test' } as const
    await heir.host.post(0, { v: 1, id: 'again', from, body, replyTo: 'here' })
    await until('it is answered', () => system.replies.length > asked)
    const answer = letterAnswer.parse(system.replies.at(-1)?.body)
    if (answer.kind !== 'redriven') throw new Error(answer.kind)
    expect(answer.declined).toEqual([])
    const id = answer.started[0]?.dispatch ?? ''
    await eventually(system, 'it ended', async () => ends(await system.journal()).has(id))
    expect(ends(await system.journal()).get(id)).toEqual(['succeeded'])
    const steps = transitions(await system.journal()).filter(({ dispatch }) => dispatch === id)
    expect(steps[0]?.origin?.binding).toBe('ship@v2')
    const answered = steps.find(({ event }) => event.type === 'predicate.answered')?.event
    expect(answered).toMatchObject({
      matched: true,
      limits: [{ ledger: expect.stringMatching(/^ship\/slow\//) as string }],
      standing: { result: 'open', flow: { held: [[0, 1]] } },
    })
  }

  test('11 a redrive runs under those limits', async () => {
    const started = await start()
    const old = await started.dead()
    const heir = await deployLimited(started)
    await askOf(started.system, heir, redrive(old))
    await heir.stop()
  })

  test('14.4 a rerun does, too', async () => {
    const started = await start()
    const of = await started.dead()
    const first = transitions(await started.system.journal()).find(({ origin }) => origin)?.origin
    if (!first) throw new Error('nothing began')
    const heir = await deployLimited(started)
    const event = { id: first.event, tenant: first.tenant }
    const body = { kind: 'rerun', of, binding: 'ship@v2', ref: first.ref, event, ...why } as const
    await askOf(started.system, heir, body)
    await heir.stop()
  })
})

test('14.4 a rerun is a new dispatch with a key of its own', async () => {
  const { system, running, runs, mend, ask, dead } = await start()
  const of = await dead()
  const first = transitions(await system.journal()).find(({ origin }) => origin)?.origin
  if (!first) throw new Error('nothing began')
  mend()
  const body: Letter['body'] = {
    kind: 'rerun',
    of,
    binding: first.binding,
    ref: first.ref,
    event: {
      id: first.event,
      tenant: first.tenant,
    },
    ...why,
  }
  const answer = await ask(body, 'again')
  const dispatch = answer.kind === 'redriven' ? answer.started[0]?.dispatch : undefined
  expect(await ask(body, 'again')).toMatchObject({ code: 'letter_duplicate' })
  await eventually(system, 'both ended', async () => ends(await system.journal()).size === 2)
  expect(runs.at(-1)).toMatchObject({ dispatch, idempotencyKey: dispatch })
  expect(dispatch).not.toBe(of)
  await running.stop()
})
