import type { TableName, Tables } from './tables.ts'

/** Tables that folds write; the store itself keeps `partition`. */
export type FoldedName = Exclude<TableName, 'partition'>

/**
 * What a column does when its row is written again: keys find the row, fixed ones stay as they
 * were, latest ones are replaced, counts are added up. Nothing else happens to a row, so the
 * changes of one batch can be merged in memory, and partitions never disturb each other.
 */
type Role = 'key' | 'fixed' | 'latest' | 'count'

/** Columns in the order in which they are written and dumped. */
const roles: { readonly [T in FoldedName]: { readonly [C in keyof Tables[T]]: Role } } = {
  dispatch: {
    number: 'key',
    id: 'fixed',
    app: 'fixed',
    binding: 'fixed',
    version: 'fixed',
    event: 'fixed',
    type: 'fixed',
    source: 'fixed',
    subject: 'fixed',
    tenant: 'fixed',
    key: 'fixed',
    root: 'fixed',
    depth: 'fixed',
    parent: 'fixed',
    rerun_of: 'fixed',
    started_at: 'fixed',
    state: 'latest',
    wait_for: 'latest',
    outcome: 'latest',
    error: 'latest',
    attempt: 'latest',
    spent: 'latest',
    transitions: 'latest',
    at: 'latest',
    due_at: 'latest',
    held: 'latest',
  },
  dispatch_sequence: { number: 'key', seq: 'key' },
  dead_letter: {
    number: 'key',
    id: 'fixed',
    app: 'fixed',
    binding: 'fixed',
    version: 'fixed',
    event: 'fixed',
    type: 'fixed',
    tenant: 'fixed',
    reason: 'latest',
    class: 'latest',
    error: 'latest',
    fingerprint: 'latest',
    top: 'latest',
    attempts: 'latest',
    at: 'latest',
    expires_at: 'latest',
    status: 'latest',
    redrives: 'latest',
  },
  death: { number: 'key', seq: 'key' },
  event: {
    id: 'key',
    app: 'key',
    seq: 'key',
    place: 'key',
    stream: 'fixed',
    partition: 'fixed',
    type: 'fixed',
    source: 'fixed',
    subject: 'fixed',
    tenant: 'fixed',
    time: 'fixed',
    at: 'fixed',
    root: 'fixed',
    depth: 'fixed',
    journal_seq: 'fixed',
    journal_place: 'fixed',
    definitions: 'fixed',
    verdicts: 'fixed',
    first_ordinal: 'fixed',
    dispatches: 'fixed',
  },
  event_duplicate: { id: 'key', app: 'key', duplicates: 'count', divergent: 'count' },
  event_release: {
    id: 'key',
    app: 'key',
    seq: 'key',
    place: 'key',
    journal_seq: 'key',
    journal_place: 'key',
    partition: 'fixed',
    at: 'fixed',
    verdicts: 'fixed',
    first_ordinal: 'fixed',
    dispatches: 'fixed',
  },
  definition: {
    app: 'key',
    number: 'key',
    at: 'fixed',
    by: 'fixed',
    active: 'fixed',
    events_from: 'fixed',
  },
  binding: {
    app: 'key',
    binding: 'key',
    version: 'key',
    definitions: 'fixed',
    at: 'fixed',
    manifest: 'fixed',
  },
  state_count: { app: 'key', binding: 'key', version: 'key', state: 'key', count: 'count' },
  minute_count: {
    app: 'key',
    binding: 'key',
    version: 'key',
    minute: 'key',
    what: 'key',
    count: 'count',
  },
}

/** The registry's own keys. */
export const foldedNames = Object.keys(roles) as FoldedName[]

export const columnsOf = <T extends FoldedName>(table: T, ...wanted: Role[]): string[] =>
  Object.entries<Role>(roles[table])
    .filter(([, role]) => wanted.length === 0 || wanted.includes(role))
    .map(([column]) => column)
