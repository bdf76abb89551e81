import { encode, decode, type Effect } from '@waybill/core'
import { decodeBundle, encodeBundle, sha256, type Stored } from '@waybill/log'
import { expect, test } from 'vitest'
import { readEvent } from '../src/event-store.ts'
import { readEnds, readHistory } from '../src/history.ts'
import { binding, createPlayer, createStage } from './player.ts'
import { told } from './told.ts'

/** A dispatch that fails once, in four bundles, among others. */
function story() {
  const stage = createStage()
  const player = createPlayer(stage, 'triage', 0, 4)
  player.deploy([binding()])
  player.epoch()
  player.commit()
  player.send({ subject: 'first' })
  player.send({ subject: 'another' })
  player.commit()
  const [effect] = player.pending as [Effect]
  const error = { class: 'retryable', name: 'Error', message: 'no' } as const
  player.answer(effect, { status: 'failed', error, sent: [], ms: 1 })
  player.commit()
  stage.now += 1000
  player.settle()
  player.commit()
  const last = player.pending.at(-1)
  if (last) player.answer(last, { status: 'succeeded', sent: [], ms: 1 })
  player.commit()
  return { stage, player }
}

const first = async (db: Awaited<ReturnType<typeof told>>['db']) =>
  db.selectFrom('dispatch').selectAll().where('subject', '=', 'first').executeTakeFirstOrThrow()

test('comes from the journal, entry by entry, with its chain checked', async () => {
  const { db, log } = await told(story().stage)
  const { entries, verified, more } = await readHistory({ db, log }, await first(db))
  expect(entries.map(({ seq, fact }) => [seq, fact.kind === 'transition' && fact.to])).toEqual([
    [2, 'attempting'],
    [3, 'retryWait'],
    [4, 'attempting'],
    [5, 'succeeded'],
  ])
  expect({ verified, more }).toEqual({ verified: { result: 'intact' }, more: false })
})

test('a page of it says that there is more', async () => {
  const { db, log } = await told(story().stage)
  const { entries, more } = await readHistory({ db, log }, await first(db), 2)
  expect([entries.length, more]).toEqual([2, true])
})

test('an edited entry is found, though its bundle still decodes', async () => {
  const { db, log } = await told(story().stage, (it) => (it.seq === 3 ? edited(it) : it))
  const { verified } = await readHistory({ db, log }, await first(db))
  expect(verified).toEqual({
    result: 'broken',
    why: 'JOURNAL_g1 4: transition 2 names another one before',
  })
})

test('one whose beginning is gone is partial', async () => {
  const { db, log } = await told(story().stage, (it) => (it.seq === 2 ? undefined : it))
  const { verified, entries } = await readHistory({ db, log }, await first(db))
  expect([verified.result, entries.length]).toEqual(['partial', 3])
  const ends = await readEnds({ db, log }, await first(db))
  expect(ends.first).toBeUndefined()
  expect(ends.record?.state).toBe('succeeded')
})

test('the record of a quarantined dispatch is the one before, ended', async () => {
  const { stage, player } = story()
  const [dispatch = ''] = player.partition.dispatches.keys()
  const poison = { reason: 'step threw', hash: '0'.repeat(64), bytes: new Uint8Array(1), dispatch }
  player.take({ kind: 'quarantined', ...poison })
  player.commit()
  const { db, log } = await told(stage)
  const row = await db
    .selectFrom('dispatch')
    .selectAll()
    .where('id', '=', dispatch)
    .executeTakeFirstOrThrow()
  const { first: start, record } = await readEnds({ db, log }, row)
  expect(start?.fact).toMatchObject({ kind: 'transition', origin: { ordinal: 2 } })
  expect(record).toMatchObject({
    state: 'dlq',
    index: row.transitions,
    outcome: { status: 'dlq', reason: 'poison' },
    timers: {},
  })
})

test('an event is read where its row says that it lies', async () => {
  const { stage } = story()
  const { db, log } = await told(stage)
  const row = await db
    .selectFrom('event')
    .selectAll()
    .where('subject', '=', 'first')
    .executeTakeFirstOrThrow()
  expect(await readEvent(log, row)).toEqual(stage.events.get(row.seq))
  expect(await readEvent(log, { ...row, seq: 99 })).toBeUndefined()
})

/** Changes an error's text inside one entry and leaves everything else as it was. */
function edited(message: Stored): Stored {
  const { header, entries } = decodeBundle(sha256, message.bytes)
  const changed = entries.map((bytes) => {
    const text = JSON.stringify(decode(bytes)).replace('"ms":1', '"ms":2')
    return encode(JSON.parse(text))
  })
  return { ...message, bytes: encodeBundle(header, changed) }
}
