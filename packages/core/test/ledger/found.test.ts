import { expect, test } from 'vitest'
import { createPartition, equalBytes, nextDue, step } from '../../src/index.ts'
import { decodeEntry } from '../partition/world.ts'
import { gated, limitOn } from './apps.ts'
import { live, type Act } from './life.ts'
import { rebuilt } from './takeover.ts'

/* Shrunk cases that random lives found: they stay. */

const sale = (over: object): Act => ({
  act: 'event',
  sent: { type: 'sale', tenant: 't', key: 'a', verdict: 'matched', ...over },
})

test('a refusal reads the same when it is replayed, whatever order its numbers come in', () => {
  const one = gated([limitOn({ kind: 'batch', size: 1, timeoutMs: 500 })], { id: 'one' })
  const two = gated([limitOn({ kind: 'rateLimit', max: 1, periodMs: 500 })], { id: 'two' })
  const world = live(
    [one, two],
    [
      ...[sale({ partitionKey: 'a' }), sale({ tenant: 'u' })],
      { act: 'send', site: 0, pick: 0 },
      { act: 'mail', site: 1, lane: 'ask', count: 1 },
      { act: 'send', site: 1, pick: 0 },
      { act: 'send', site: 1, pick: 0 },
      { act: 'mail', site: 0, lane: 'answer', count: 1 },
    ],
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
  const one = gated([limitOn({ kind: 'concurrency', max: 1 })], { id: 'one' })
  const two = gated([limitOn({ kind: 'throttle', max: 1, periodMs: 500 })], { id: 'two' })
  const world = live(
    [one, two],
    [
      ...[sale({ partitionKey: 'a' }), sale({})],
      { act: 'wait', ms: 3_600_000 },
      sale({ partitionKey: 'a', verdict: 'ask' }),
    ],
  )
  for (const site of world.sites) {
    expect(nextDue(site.partition)).toBe(nextDue(rebuilt(world, site, false)))
  }
})
