import { encode } from '@waybill/core'
import { encodeBundle, type EventLog, sha256, type Stored } from '@waybill/log'
import { describe, expect, onTestFinished, test } from 'vitest'
import { digest } from '../src/dump.ts'
import type { FoldedBundle, Halted } from '../src/fold.ts'
import { openProjector } from '../src/projector.ts'
import { fillStore } from '../src/rebuild.ts'
import { openSqliteStore } from '../src/sqlite/store.ts'
import type { RowStore } from '../src/store.ts'
import { binding, createPlayer, createStage, type Player, type Stage } from './player.ts'
import { altered, logOf, publish, topology } from './stored.ts'

/** Two partitions, each with a deploy, and then `rounds` bundles of one event each. */
function story(rounds: number): { stage: Stage; players: readonly Player[] } {
  const stage = createStage()
  const players = [0, 1].map((slot) => createPlayer(stage, 'triage', slot, 4))
  for (const player of players) {
    player.deploy([binding()])
    player.epoch()
    player.commit()
  }
  for (let n = 0; n < rounds; n++) for (const player of players) round(player)
  return { stage, players }
}

function round(player: Player): void {
  player.send()
  player.commit()
}

/** Follows until the log's end as of now is folded, or nothing more can be. */
async function follow(log: EventLog, store: RowStore, after = () => {}) {
  const folded: FoldedBundle[] = []
  const halted: Halted[] = []
  const aborted = new AbortController()
  const reached = Promise.withResolvers<void>()
  const { lastSeq } = await log.info('JOURNAL_g1')
  const projector = await openProjector({
    log,
    topology,
    store,
    onHalted: (one) => void halted.push(one),
    onFolded({ bundles }) {
      folded.push(...bundles)
      if (projector.status().applied >= lastSeq) reached.resolve()
    },
  })
  if (projector.status().applied >= lastSeq || projector.fromSeq === undefined) reached.resolve()
  const running = projector.run(aborted.signal)
  await Promise.race([reached.promise, running])
  after()
  aborted.abort()
  await running
  return { projector, folded, halted }
}

function openStore(file = ':memory:'): RowStore {
  const store = openSqliteStore({ file })
  onTestFinished(() => store[Symbol.asyncDispose]())
  return store
}

const seqs = (bundles: readonly FoldedBundle[]) => bundles.map(({ seq }) => seq)

describe('following the journal', () => {
  test('goes on where the rows end, and tells of every bundle once and in order', async () => {
    const { stage, players } = story(2)
    const log = await logOf(stage)
    const store = openStore()
    const first = await follow(log, store)
    expect(seqs(first.folded)).toEqual([1, 2, 3, 4, 5, 6])
    for (const player of players) round(player)
    await publish(log, stage)
    const second = await follow(log, store)
    expect(second.projector.fromSeq).toBe(7)
    expect(seqs(second.folded)).toEqual([7, 8])
    const again = openStore()
    await fillStore({ log, stream: 'JOURNAL_g1' }, again)
    expect(await digest(store.db, sha256)).toEqual(await digest(again.db, sha256))
  })

  test('takes in what comes while it runs', async () => {
    const { stage, players } = story(1)
    const log = await logOf(stage)
    const aborted = new AbortController()
    const came = Promise.withResolvers<number>()
    const projector = await openProjector({
      log,
      topology,
      store: openStore(),
      onFolded: ({ bundles }) => {
        if (bundles.some(({ seq }) => seq === 6)) came.resolve(6)
      },
    })
    const running = projector.run(aborted.signal)
    for (const player of players) round(player)
    await publish(log, stage)
    expect(await came.promise).toBe(6)
    expect(projector.horizon).toBe(4)
    expect((await projector.look()).applied).toBe(6)
    aborted.abort()
    await running
  })
})

describe('a partition is halted, and no other, when', () => {
  const broken: readonly [what: string, change: (message: Stored) => Stored | undefined][] = [
    ['a bundle is missing', (it) => (it.seq === 3 ? undefined : it)],
    ['a bundle was edited', (it) => (it.seq === 3 ? { ...it, bytes: edited(it.bytes) } : it)],
    ['a bundle is another partition’s', (it) => (it.seq === 3 ? { ...it, bytes: foreign() } : it)],
    ['a bundle is no bundle', (it) => (it.seq === 3 ? { ...it, bytes: new Uint8Array(9) } : it)],
    ['its first bundle is missing', (it) => (it.seq === 1 ? undefined : it)],
  ]

  test.each(broken)('%s', async (_what, change) => {
    const { stage } = story(3)
    const log = altered(await logOf(stage), change)
    const store = openStore()
    const { halted, projector } = await follow(log, store)
    expect(halted).toEqual([
      expect.objectContaining({
        app: 'triage',
        slot: 0,
        cause: expect.objectContaining({ name: 'ChainBroken' }),
      }),
    ])
    expect(projector.status().halted).toEqual(halted)
    const rows = await store.db.selectFrom('partition').select(['slot', 'seq']).execute()
    expect(rows.find(({ slot }) => slot === 1)?.seq).toBe(8)
    expect(rows.find(({ slot }) => slot === 0)?.seq ?? 0).toBeLessThan(3)
  })

  test('an entry is not what it should be, though the chain holds', async () => {
    const { stage, players } = story(2)
    const [first] = stage.journal.filter(({ subject }) => subject.endsWith('.0')).slice(-1)
    const entry = encode({
      at: 1,
      input: { kind: 'event' },
      facts: [{ kind: 'event.seen' }],
      effects: [],
    })
    const header = {
      v: 1,
      rules: 1,
      app: 'triage',
      generation: 1,
      slot: 0,
      epoch: 1,
      number: 4,
    } as const
    const prev = first ? sha256.bytes(first.bytes) : ''
    const bytes = encodeBundle({ ...header, prev, instance: 'x', positions: {} }, [entry])
    stage.seqs.set('JOURNAL_g1', 7)
    stage.journal.push({
      stream: 'JOURNAL_g1',
      subject: 'wb.journal.1.triage.0',
      seq: 7,
      at: 1,
      bytes,
    })
    const [, other] = players
    if (other) round(other)
    const { halted, folded } = await follow(await logOf(stage), openStore())
    expect(halted).toMatchObject([{ slot: 0, seq: 7, cause: { name: 'ChainBroken' } }])
    expect(seqs(folded)).toEqual([1, 2, 3, 4, 5, 6, 8])
  })

  test('its position is another bundle’s', async () => {
    const { stage } = story(2)
    const log = await logOf(stage)
    const store = openStore()
    await follow(log, store)
    const edit = (it: Stored) => (it.seq === 5 ? { ...it, bytes: edited(it.bytes) } : it)
    const { halted } = await follow(altered(log, edit), store)
    expect(halted).toMatchObject([{ slot: 0, seq: 5, cause: { name: 'ChainBroken' } }])
  })

  test('the journal ends before its position', async () => {
    const { stage } = story(3)
    const store = openStore()
    await follow(await logOf(stage), store)
    const shorter = story(1).stage
    const { halted } = await follow(await logOf(shorter, stage.now), store)
    expect(halted).toMatchObject([
      { slot: 0, cause: { name: 'PositionLost' } },
      { slot: 1, cause: { name: 'PositionLost' } },
    ])
  })

  test('but in a cluster only when it is so for a while: a leader of the past shows less', async () => {
    const { stage } = story(3)
    const store = openStore()
    const log = await logOf(stage)
    await follow(log, store)
    const past = await logOf(story(1).stage, stage.now)
    let asked = 0
    const info = (of: string) => (asked++ < 2 ? past.info(of) : log.info(of))
    const pauses: number[] = []
    const pause = async (ms: number) => void pauses.push(ms)
    const clustered = { ...topology, replicas: 3 }
    const cluster = { ...altered(log, (it) => it), info }
    const patient = await openProjector({ log: cluster, topology: clustered, store, pause })
    expect([patient.status().halted, patient.fromSeq, pauses.length]).toEqual([[], 9, 2])
    const gone = await openProjector({ log: past, topology: clustered, store, pause })
    expect(gone.status().halted).toHaveLength(2)
    expect(pauses.slice(2).reduce((sum, ms) => sum + ms, 0)).toBe(15_000)
  })

  test('the stream was made anew, however alike it looks', async () => {
    const { stage } = story(2)
    const store = openStore()
    await follow(await logOf(stage), store)
    const before = await digest(store.db, sha256)
    const { halted, projector } = await follow(await logOf(stage, stage.now + 1), store)
    expect(halted).toMatchObject([
      { slot: 0, cause: { name: 'JournalReplaced' } },
      { slot: 1, cause: { name: 'JournalReplaced' } },
    ])
    expect(projector.fromSeq).toBeUndefined()
    expect(await digest(store.db, sha256)).toEqual(before)
  })

  test('and it is folded from there when what halted it is gone', async () => {
    const { stage } = story(3)
    const log = await logOf(stage)
    const store = openStore()
    await follow(
      altered(log, (it) => (it.seq === 3 ? { ...it, bytes: new Uint8Array(9) } : it)),
      store,
    )
    const { projector, folded, halted } = await follow(log, store)
    expect(projector.fromSeq).toBe(3)
    expect(seqs(folded)).toEqual([3, 5, 7])
    expect(halted).toEqual([])
  })
})

test('a partition may begin late only where the beginning of the journal is gone', async () => {
  const { stage } = story(3)
  const log = await logOf(stage)
  const [subject = ''] = stage.journal.map((message) => message.subject)
  await log.purge('JOURNAL_g1', subject, 5)
  const { halted, folded } = await follow(log, openStore())
  expect(halted).toEqual([])
  expect(seqs(folded)).toEqual([2, 4, 5, 6, 7, 8])
})

const edited = (bytes: Uint8Array): Uint8Array => {
  const copy = bytes.slice()
  const at = copy.length - 5
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

const foreign = (): Uint8Array =>
  encodeBundle(
    {
      v: 1,
      rules: 1,
      app: 'other',
      generation: 1,
      slot: 0,
      epoch: 1,
      number: 2,
      instance: 'x',
      positions: {},
    },
    [],
  )
