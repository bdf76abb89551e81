import { expect, test } from 'vitest'
import { createPartition, equalBytes, step } from '../../src/index.ts'
import { decodeEntry } from '../partition/world.ts'
import { gated, limitOn } from './apps.ts'
import { live, type Act } from './life.ts'

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
      sale({ partitionKey: 'a' }),
      sale({ tenant: 'u' }),
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
