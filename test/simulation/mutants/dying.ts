import type { Mutant } from '../plant.ts'

const partition = 'packages/core/src/partition'
const dispatch = 'packages/core/src/dispatch'
const handlers = 'packages/engine/src/handlers'

/** Faults in what becomes of handlers that kill the process they run in (rule 12.3). */
export const dying: readonly Mutant[] = [
  {
    name: 'poison-never',
    what: 'what kills its process again and again is run again and again',
    file: `${dispatch}/machine.ts`,
    find: 'context.record.kills + 1 >= context.binding.poisonMax',
    replace: 'context.record.kills + 1 >= context.binding.poisonMax + 99',
  },
  {
    name: 'kill-not-counted',
    what: 'a child process that died is not counted',
    file: `${dispatch}/deeds.ts`,
    find: 'kills: record.kills + (killed ? 1 : 0)',
    replace: 'kills: record.kills',
  },
  {
    name: 'host-death-is-a-kill',
    what: 'what was lost with its host counts as if it had died alone',
    file: `${partition}/step.ts`,
    find: "move(draft, open(partition, id), { type: 'attempt.lost', alone: false })",
    replace: "move(draft, open(partition, id), { type: 'attempt.lost', alone: true })",
  },
  {
    name: 'kill-is-a-loss',
    what: 'a child process that died counts as if its host had',
    file: `${partition}/results.ts`,
    find: "tryMove(draft, dispatch, { type: 'attempt.lost', alone: true })",
    replace: "tryMove(draft, dispatch, { type: 'attempt.lost', alone: false })",
  },
  {
    name: 'not-alone-after-a-loss',
    what: 'what was lost with its host runs in the next host’s own process',
    file: `${handlers}/local.ts`,
    find: 'task.alone && isolated ?',
    replace: 'task.binding.handler.isolate && isolated ?',
  },
  {
    name: 'two-in-one-child',
    what: 'a child process gets the next attempt while it runs one',
    file: `${handlers}/child-process.ts`,
    find: 'return !this.#current && !this.#isGone',
    replace: 'return !this.#isGone',
  },
]
