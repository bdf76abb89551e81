import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyApp } from '../../core/test/ledger/apps.ts'
import { drain } from '../../core/test/ledger/drain.ts'
import { acts, live } from '../../core/test/ledger/life.ts'
import { takeOver } from '../../core/test/ledger/takeover.ts'
import type { Site, World } from '../../core/test/ledger/world.ts'
import type { Finding } from '../src/finding.ts'
import { found, type Journal } from './found.ts'
import { createStory } from './story.ts'

/*
 * Core's random lives, looked at by those who know nothing of its gates: what `waybill verify` asks
 * of a journal is asked of these.
 */

const numRuns = Number(process.env['LEDGER_RUNS'] ?? 300)
const seed = process.env['LEDGER_SEED']
/** Far more than a run takes; thousands of runs are asked for by hand. */
const withinMs = 30_000 + numRuns * 500
const runs = { numRuns, ...(seed !== undefined && { seed: Number(seed) }) }

/** What partitions step by hand is in no stream: only what dispatches share is held against laws. */
const shared: ReadonlySet<string> = new Set<Finding['law']>(['I17', 'I18', 'I19'])

const { log } = createStory()

async function expectLawful({ sites }: World): Promise<void> {
  const findings = await found(log, sites.map(journalOf))
  expect(findings.filter(({ law }) => shared.has(law))).toEqual([])
}

/** All of it in one bundle. */
function journalOf({ id, stepped, partition }: Site): Journal {
  const header = {
    v: 1,
    rules: 1,
    ...id,
    epoch: partition.epoch.number,
    number: 1,
    instance: 'test',
    positions: Object.fromEntries(partition.positions),
  } as const
  return { id, bundles: [{ header, hash: '', seq: 1, entries: stepped.map(({ bytes }) => bytes) }] }
}

test(
  'whatever happens: what dispatches share keeps its laws',
  () =>
    fc.assert(
      fc.asyncProperty(anyApp, acts, async (manifests, script) => {
        const world = live(manifests, script)
        drain(world)
        await expectLawful(world)
      }),
      runs,
    ),
  withinMs,
)

test(
  'whoever takes over any partition at any moment keeps the laws of those before',
  () =>
    fc.assert(
      fc.asyncProperty(anyApp, acts, fc.boolean(), async (manifests, script, fromSnapshot) => {
        const world = live(manifests, script)
        for (const site of world.sites) takeOver(world, site, fromSnapshot)
        drain(world)
        await expectLawful(world)
      }),
      runs,
    ),
  withinMs,
)
