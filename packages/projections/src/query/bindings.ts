import { type Manifest, openState } from '@waybill/core'
import type { Kysely } from 'kysely'
import type { BindingTable, Tables } from '../tables.ts'
import { splitBinding } from './conditions.ts'

export interface BindingSummary {
  readonly app: string
  readonly key: string
  /** `draining`: new events start a newer version, dispatches of this one are still open. */
  readonly state: 'active' | 'draining' | 'retired'
  readonly deployedAt: number
  readonly open: number
  readonly manifest: Manifest
}

/** Every version of every binding, newest version first. */
export async function listBindings(
  db: Kysely<Tables>,
  filter: { readonly app?: string | undefined; readonly binding?: string | undefined },
): Promise<readonly BindingSummary[]> {
  const wanted = filter.binding === undefined ? undefined : splitBinding(filter.binding)
  const rows = await db
    .selectFrom('binding')
    .selectAll()
    .$if(filter.app !== undefined, (all) => all.where('app', '=', filter.app ?? ''))
    .$if(wanted !== undefined, (all) => all.where('binding', '=', wanted?.id ?? ''))
    .$if(wanted?.version !== undefined, (all) => all.where('version', '=', wanted?.version ?? 0))
    .orderBy('app')
    .orderBy('binding')
    .orderBy('version', 'desc')
    .execute()
  const active = await activeKeys(db)
  const open = await openCounts(db)
  return rows.map((row) => {
    const key = `${row.binding}@v${row.version}`
    const count = open.get(`${row.app}/${key}`) ?? 0
    return {
      app: row.app,
      key,
      state: active.has(`${row.app}/${key}`) ? 'active' : count > 0 ? 'draining' : 'retired',
      deployedAt: row.at,
      open: count,
      manifest: manifestOf(row),
    }
  })
}

/** `<app>/<binding key>` of what new events start. */
async function activeKeys(db: Kysely<Tables>): Promise<ReadonlySet<string>> {
  const latest = await db
    .selectFrom('definition')
    .select(['app', 'active'])
    .where('number', '=', (eb) =>
      eb
        .selectFrom('definition as later')
        .select((of) => of.fn.max('later.number').as('number'))
        .whereRef('later.app', '=', 'definition.app'),
    )
    .execute()
  return new Set(latest.flatMap(({ app, active }) => keysOf(active).map((key) => `${app}/${key}`)))
}

async function openCounts(db: Kysely<Tables>): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('state_count')
    .select(['app', 'binding', 'version', (eb) => eb.fn.sum<number>('count').as('open')])
    .where('state', 'in', openState.options)
    .groupBy(['app', 'binding', 'version'])
    .execute()
  return new Map(
    rows.map(({ app, binding, version, open }) => [`${app}/${binding}@v${version}`, open]),
  )
}

/** Written from core's own, so read back as such. */
export const manifestOf = ({ manifest }: Pick<BindingTable, 'manifest'>): Manifest =>
  JSON.parse(manifest) as Manifest
export const keysOf = (active: string): readonly string[] => JSON.parse(active) as string[]
