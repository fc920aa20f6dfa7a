import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'vitest'
import { migrationOf } from './migration.ts'

const ONE = 'create table one (n integer) strict'
const TWO = 'create table two (n integer) strict'

function open(version: number): DatabaseSync {
  const db = new DatabaseSync(':memory:')
  migrationOf([ONE, TWO].slice(0, version))(db)
  return db
}

test('a file gets what it lacks, and that once', () => {
  using db = open(1)
  migrationOf([ONE, TWO])(db)
  migrationOf([ONE, TWO])(db)
  db.exec('insert into two values (1)')
})

test('a migration that fails changes nothing', () => {
  using db = open(1)
  assert.throws(() => migrationOf([ONE, TWO, 'create table two (n integer)'])(db), /two/u)
  assert.equal(db.isTransaction, false)
  migrationOf([ONE, TWO])(db)
})

test('a file of a newer release is refused, and so is one that may only be read and is older', () => {
  using db = open(2)
  assert.throws(() => migrationOf([ONE])(db), /newer release \(schema 2\)/u)
  assert.throws(() => migrationOf([ONE])(db, true), /newer release/u)
  assert.throws(() => migrationOf([ONE, TWO, ONE])(db, true), /older release \(schema 2\)/u)
  migrationOf([ONE, TWO])(db, true)
})
