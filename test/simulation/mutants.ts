import { deciding } from './mutants/deciding.ts'
import { dying } from './mutants/dying.ts'
import { hosting } from './mutants/hosting.ts'
import { projecting } from './mutants/projecting.ts'
import { retaining } from './mutants/retaining.ts'
import { sharing } from './mutants/sharing.ts'
import { storing } from './mutants/storing.ts'
import type { Mutant } from './plant.ts'

/** To add one: a file's list in `mutants/`. Each must be caught; docs/mutants.md says how fast. */
export const mutants: readonly Mutant[] = [
  ...deciding,
  ...sharing,
  ...storing,
  ...hosting,
  ...projecting,
  ...dying,
  ...retaining,
]
