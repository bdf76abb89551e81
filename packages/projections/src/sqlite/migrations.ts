import type { DatabaseSync } from 'node:sqlite'
import { StoreUnknown } from '../fault.ts'

/**
 * Version n is what the first n of these leave behind. One that changes what a fold writes empties
 * the tables as well, and the projector folds them anew: everything here can be made again.
 */
const migrations: readonly string[] = [
  `
  create table dispatch (
    number integer primary key,
    id text not null,
    app text not null,
    binding text not null,
    version integer not null,
    event text not null,
    type text not null,
    source text not null,
    subject text,
    tenant text not null,
    key text,
    root text not null,
    depth integer not null,
    parent text,
    rerun_of text,
    started_at integer not null,
    state text not null,
    wait_for text,
    outcome text,
    error text,
    attempt integer not null,
    spent integer not null,
    transitions integer not null,
    at integer not null,
    due_at integer
  ) strict;
  create unique index dispatch_id on dispatch (id);
  create index dispatch_started on dispatch (started_at);
  create index dispatch_binding on dispatch (binding, started_at);
  -- Most dispatches succeed and are looked for by time; whoever looks for the others finds few.
  create index dispatch_state on dispatch (state, started_at) where state <> 'succeeded';
  -- A root's own dispatches are found by its event: only what it caused needs to be looked for.
  create index dispatch_chain on dispatch (root) where depth > 0;

  create table dispatch_sequence (
    number integer not null,
    seq integer not null,
    primary key (number, seq)
  ) strict, without rowid;

  create table dead_letter (
    number integer primary key,
    id text not null,
    app text not null,
    binding text not null,
    version integer not null,
    event text not null,
    type text not null,
    tenant text not null,
    reason text not null,
    class text not null,
    error text,
    fingerprint text not null,
    top text not null,
    attempts integer not null,
    at integer not null,
    expires_at integer not null,
    status text not null,
    redrives integer not null
  ) strict;
  create unique index dead_letter_id on dead_letter (id);
  create index dead_letter_at on dead_letter (at);
  create index dead_letter_fingerprint on dead_letter (fingerprint, at);

  create table event (
    id text not null,
    app text not null,
    seq integer not null,
    place integer not null,
    stream text not null,
    partition integer not null,
    type text not null,
    source text not null,
    subject text,
    tenant text not null,
    time integer not null,
    at integer not null,
    root text not null,
    depth integer not null,
    journal_seq integer not null,
    journal_place integer not null,
    definitions integer not null,
    verdicts text not null,
    first_ordinal integer,
    dispatches integer not null,
    primary key (id, app, seq, place)
  ) strict;

  create table event_duplicate (
    id text not null,
    app text not null,
    duplicates integer not null,
    divergent integer not null,
    primary key (id, app)
  ) strict, without rowid;

  create table definition (
    app text not null,
    number integer not null,
    at integer not null,
    "by" text not null,
    active text not null,
    events_from text not null,
    primary key (app, number)
  ) strict;

  create table binding (
    app text not null,
    binding text not null,
    version integer not null,
    definitions integer not null,
    at integer not null,
    manifest text not null,
    primary key (app, binding, version)
  ) strict;

  create table state_count (
    app text not null,
    binding text not null,
    version integer not null,
    state text not null,
    count integer not null,
    primary key (app, binding, version, state)
  ) strict, without rowid;

  create table minute_count (
    app text not null,
    binding text not null,
    version integer not null,
    minute integer not null,
    what text not null,
    count integer not null,
    primary key (app, binding, version, minute, what)
  ) strict, without rowid;

  create table partition (
    number integer primary key,
    app text not null,
    generation integer not null,
    slot integer not null,
    stream text not null,
    stream_created text not null,
    seq integer not null,
    bundle integer not null,
    hash text not null,
    at integer not null,
    definitions integer not null,
    inputs text not null,
    unique (app, generation, slot)
  ) strict;
  `,
  `
  create index dispatch_rerun_of on dispatch (rerun_of) where rerun_of is not null;
  `,
  // A waiting dispatch says what it waits for: the rows are folded anew.
  `
  alter table dispatch add column held text;
  delete from dispatch;
  delete from dispatch_sequence;
  delete from dead_letter;
  delete from event;
  delete from event_duplicate;
  delete from definition;
  delete from binding;
  delete from state_count;
  delete from minute_count;
  delete from partition;
  `,
  `
  create table event_release (
    id text not null,
    app text not null,
    seq integer not null,
    place integer not null,
    journal_seq integer not null,
    journal_place integer not null,
    partition integer not null,
    at integer not null,
    verdicts text not null,
    first_ordinal integer,
    dispatches integer not null,
    primary key (id, app, seq, place, journal_seq, journal_place)
  ) strict;
  `,
  // Minutes say how long things took, lists of events go by time: the rows are folded anew.
  `
  create index event_at on event (at, (journal_seq * 65536 + journal_place));
  create index minute_count_minute on minute_count (minute);
  delete from dispatch;
  delete from dispatch_sequence;
  delete from dead_letter;
  delete from event;
  delete from event_duplicate;
  delete from event_release;
  delete from definition;
  delete from binding;
  delete from state_count;
  delete from minute_count;
  delete from partition;
  `,
]

/** "WBR1": tells a read store from any other SQLite file. */
const applicationId = 0x57425231

export function migrate(db: DatabaseSync, file: string): void {
  const found = pragma(db, 'application_id')
  const version = pragma(db, 'user_version')
  if (found !== applicationId && (found !== 0 || version !== 0)) {
    throw new StoreUnknown(file, 'this SQLite file is not a read store')
  }
  if (version > migrations.length) {
    throw new StoreUnknown(
      file,
      `its version is ${version}, this Waybill knows ${migrations.length}`,
    )
  }
  for (const [at, sql] of migrations.entries()) {
    if (at < version) continue
    const stamp = `pragma application_id = ${applicationId}; pragma user_version = ${at + 1}`
    db.exec(`begin immediate; ${sql}; ${stamp}; commit`)
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`pragma ${name}`).get()?.[name] ?? 0)
}
