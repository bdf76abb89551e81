import type { Kysely } from 'kysely'
import type { Tables } from '../tables.ts'

/** How many dispatches are in each state now, and how many dead letters nobody has seen to. */
export async function countStates(
  db: Kysely<Tables>,
  app: string | undefined,
): Promise<{ states: Record<string, number>; dead: number }> {
  const counted = await db
    .selectFrom('state_count')
    .select(['state', (eb) => eb.fn.sum<number>('count').as('many')])
    .$if(app !== undefined, (all) => all.where('app', '=', app ?? ''))
    .groupBy('state')
    .execute()
  const { dead } = await db
    .selectFrom('dead_letter')
    .select((eb) => eb.fn.countAll<number>().as('dead'))
    .where('status', '=', 'pending')
    .$if(app !== undefined, (all) => all.where('app', '=', app ?? ''))
    .executeTakeFirstOrThrow()
  return { states: Object.fromEntries(counted.map(({ state, many }) => [state, many])), dead }
}
