import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createPartition, equalBytes, nextDue, step } from '../../src/index.ts'
import { decodeEntry } from '../partition/world.ts'
import { tries } from '../tries.ts'
import { anyApp } from './apps.ts'
import { drain, expectNothingLeft, stuck } from './drain.ts'
import { acts, live } from './life.ts'
import { rebuilt, takeOver } from './takeover.ts'
import { stateOf } from '../state.ts'
import type { Site, World } from './world.ts'

/* What gates let in meanwhile is held against their laws by `packages/history`, over the same lives. */

const { numRuns } = tries(Number(process.env['LEDGER_RUNS'] ?? 300))
const seed = process.env['LEDGER_SEED']
/** Far more than a run takes; thousands of runs are asked for by hand. */
const withinMs = 30_000 + numRuns * 500
const runs = { numRuns, ...(seed !== undefined && { seed: Number(seed) }) }

function expectReplayable(world: World, site: Site): void {
  const again = createPartition(site.id, world.hash)
  for (const { bytes } of site.stepped) {
    const { input, at } = decodeEntry(bytes)
    const anew = step(again, input, at)
    if (!equalBytes(anew.bytes, bytes)) expect(anew.entry).toEqual(decodeEntry(bytes))
    expect(equalBytes(anew.bytes, bytes)).toBe(true)
  }
  expect(stateOf(again)).toBe(stateOf(site.partition))
}

test(
  'whatever happens: everything ends, nothing is left behind',
  () => {
    fc.assert(
      fc.property(anyApp, acts, (manifests, script) => {
        const world = live(manifests, script)
        drain(world)
        expectNothingLeft(world)
        expect(stuck(world)).toEqual([])
      }),
      runs,
    )
  },
  withinMs,
)

test(
  'a fold, a snapshot with its tail and a replay of the inputs are the live state',
  () => {
    fc.assert(
      fc.property(anyApp, acts, (manifests, script) => {
        const world = live(manifests, script)
        for (const site of world.sites) {
          const state = stateOf(site.partition)
          expect(stateOf(rebuilt(world, site, false))).toBe(state)
          expect(stateOf(rebuilt(world, site, true))).toBe(state)
          const due = nextDue(site.partition)
          expect(nextDue(rebuilt(world, site, false))).toBe(due)
          expect(nextDue(rebuilt(world, site, true))).toBe(due)
          expectReplayable(world, site)
        }
      }),
      runs,
    )
  },
  withinMs,
)

test(
  'whoever takes over any partition at any moment brings everything to its end',
  () => {
    fc.assert(
      fc.property(anyApp, acts, fc.boolean(), (manifests, script, fromSnapshot) => {
        const world = live(manifests, script)
        for (const site of world.sites) takeOver(world, site, fromSnapshot)
        drain(world)
        expectNothingLeft(world)
        expect(stuck(world)).toEqual([])
      }),
      runs,
    )
  },
  withinMs,
)
