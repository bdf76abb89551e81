import type { CauseClass, DeadReason } from '@waybill/core'
import { type Kysely, sql } from 'kysely'
import type { Tables } from '../tables.ts'

/** What died of one thing between two sequences of the journal. */
export interface Deaths {
  readonly fingerprint: string
  readonly app: string
  readonly binding: string
  readonly class: CauseClass
  readonly reason: DeadReason
  readonly top: string
  readonly entries: number
  readonly firstAt: number
  readonly lastAt: number
  /** One of them. */
  readonly example: string
}

/** After the one sequence, up to the other; a group at a time, however many died. */
export async function deathsWithin(
  db: Kysely<Tables>,
  { after, upTo }: { readonly after: number; readonly upTo: number },
): Promise<readonly Deaths[]> {
  const { rows } = await sql<Deaths>`
    select "fingerprint", "app", "binding" || '@v' || "version" as "binding", "class", "reason",
      "top", count(*) as "entries", min("at") as "firstAt", max("at") as "lastAt",
      max("id") as "example"
    from "death" join "dead_letter" using ("number")
    where "death"."seq" > ${after} and "death"."seq" <= ${upTo}
    group by "fingerprint", "app", "binding", "version"
    order by "firstAt", "fingerprint", "app"
  `.execute(db)
  return rows
}
