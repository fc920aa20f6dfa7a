import type { DatabaseSync } from 'node:sqlite'
import { migrationOf } from '../store/migration.ts'

/** Applied in order, each once; never edit one that was released. */
const LOG = [
  `
  create table tile (path text primary key, bytes blob not null) strict;
  create table head (id integer primary key check (id = 1), checkpoint text not null) strict;
  -- The key that others verify the log with, so that it can be shown and proved from without opening the key file.
  create table identity (id integer primary key check (id = 1), vkey text not null) strict;
  create table event (
    id integer primary key,
    session text unique,
    leaf blob not null,
    salt blob not null,
    body blob not null,
    -- Place in the log; pending while null.
    entry integer unique
  ) strict;
  create index event_pending on event (id) where entry is null;
  -- Personal data in bodies is sealed with its subject's key; without the row it cannot be read any more.
  create table subject (peer text primary key, key blob not null) strict, without rowid;
  `,
  `
  -- What was last logged of settings that are logged when they change.
  create table stated (name text primary key, value blob not null) strict, without rowid;
  `,
]

const WITNESS = [
  `
  create table latest (origin text primary key, hash text not null unique, checkpoint text not null) strict;
  -- Sizes go up to 2⁶⁴, which no integer column holds.
  create table cosigned (
    id integer primary key,
    origin text not null,
    size text not null,
    checkpoint text not null,
    unique (origin, size)
  ) strict;
  create table fork (
    id integer primary key,
    origin text not null,
    kind text not null check (kind in ('fork', 'unproved')),
    first text not null,
    second text not null,
    seen_at integer not null,
    unique (first, second)
  ) strict;
  `,
]

const migrateTables = migrationOf(LOG)

export function migrateLog(db: DatabaseSync): void {
  // What is deleted here is meant to be gone: its pages are overwritten, not only marked as free.
  db.exec('pragma secure_delete = on')
  migrateTables(db)
}

export const migrateWitness = migrationOf(WITNESS)
