import { expect, test } from 'vitest'
import { equalBytes, nextDue, step, createPartition, type KeyedLimit } from '../../src/index.ts'
import { binding, decodeEntry } from '../partition/world.ts'
import { live, type Act } from './life.ts'
import { rebuilt } from './takeover.ts'

/* Shrunk cases that random lives found: they stay. */

const limited = (id: string, limit: KeyedLimit) =>
  binding({ id, on: ['sale'], flow: { limits: [limit], holdWhileRetrying: false } })

const sale = (over: object): Act => ({
  act: 'event',
  sent: { type: 'sale', tenant: 't', key: 'a', verdict: 'matched', ...over },
})

test('a refusal reads the same when it is replayed, whatever order its numbers come in', () => {
  const rule = { kind: 'rateLimit', max: 1, periodMs: 500 } as const
  const world = live(
    [limited('two', { name: 'rateLimit', scope: 'binding', rule })],
    [sale({ partitionKey: 'a' }), sale({ partitionKey: 'a' })],
  )
  for (const site of world.sites) {
    const again = createPartition(site.id, world.hash)
    for (const { bytes } of site.stepped) {
      const { input, at } = decodeEntry(bytes)
      expect(equalBytes(step(again, input, at).bytes, bytes)).toBe(true)
    }
  }
})

test('who waits for a window that ended in a quiet hour is let in after it', () => {
  const rule = { kind: 'throttle', max: 1, periodMs: 500 } as const
  const world = live(
    [limited('two', { name: 'throttle', scope: 'binding', rule })],
    [
      ...[sale({}), sale({}), sale({ partitionKey: 'a' })],
      { act: 'wait', ms: 3_600_000 },
      sale({ partitionKey: 'a', verdict: 'ask' }),
    ],
  )
  for (const site of world.sites) {
    expect(nextDue(site.partition)).toBe(nextDue(rebuilt(world, site, true)))
  }
})
