import { expect, test } from 'vitest'
import { attentionOf } from '../src/pages/overview/attention.ts'
import { seriesOf, sumsOf } from '../src/pages/overview/series.ts'

const now = 10_000_000
const group = {
  fingerprint: 'f1',
  app: 'shop',
  binding: 'ship@v1',
  class: 'handler',
  reason: 'permanent' as const,
  top: 'no such address',
  entries: 3,
  pending: 3,
  firstAt: now - 7_200_000,
  lastAt: now - 1000,
  example: '1-0-a',
}

test('what is new stands before what is known, what has halted before all', () => {
  const list = attentionOf(
    {
      groups: [
        group,
        { ...group, fingerprint: 'f2', firstAt: now - 60_000 },
        { ...group, pending: 0 },
      ],
      partitions: [
        {
          instance: 'a',
          asOf: {},
          partitions: [
            {
              partition: { app: 'shop', generation: 1, slot: 3 },
              state: 'halted',
              owner: 'a',
              epoch: 1,
              steppedNumber: 0,
              committedNumber: 0,
              committedSeq: 0,
              positions: {},
              open: 0,
              running: 0,
              lagMs: 0,
              pauses: [],
              halted: { code: 'x', why: 'its stream is another one' },
            },
          ],
        },
      ],
    },
    now,
  )
  expect(list.map(({ key }) => key)).toEqual([
    'halted shop 3',
    'dead f2 ship@v1',
    'dead f1 ship@v1',
  ])
})

const bucket = {
  at: 0,
  started: 0,
  succeeded: 0,
  failed: 0,
  dlq: 0,
  skipped: 0,
  cancelled: 0,
  superseded: 0,
  retried: 0,
}

test('minutes in which nothing happened are zero, not left out', () => {
  const rates = {
    bucketMs: 60_000,
    asOf: {},
    buckets: [{ ...bucket, at: 120_000, started: 4, succeeded: 3, dlq: 1, p50Ms: 12, p95Ms: 40 }],
  }
  const { at, counts, p50 } = seriesOf(rates, 60_000, 240_000)
  expect(at).toEqual([60_000, 120_000, 180_000, 240_000])
  expect(counts.started).toEqual([0, 4, 0, 0])
  expect(p50).toEqual([null, 12, null, null])
  expect(sumsOf(rates.buckets)).toMatchObject({
    started: 4,
    ended: 4,
    bad: 1,
    badShare: 0.25,
    p50Ms: 12,
  })
})
