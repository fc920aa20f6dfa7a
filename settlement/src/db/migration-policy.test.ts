import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { faultsOf, isBreaking } from './migration-policy.ts'

const FOLDER = new URL('../../migrations/', import.meta.url)
/** Those before ran before anybody could run an older release beside them. */
const FIRST = '0006'

test('no migration breaks the release before it, unless it says from which release on', async () => {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql') && name >= FIRST)
  expect(files.length).toBeGreaterThan(0)
  for (const name of files) {
    expect([name, ...faultsOf(await readFile(new URL(name, FOLDER), 'utf8'))]).toEqual([name])
  }
})

test.each([
  'drop table payout',
  'drop view v',
  'alter table payout drop column failure',
  'alter table payout drop failure',
  'alter table payout add column a text, drop column failure',
  'alter table payout rename column failure to reason',
  'alter table payout rename to payouts',
  'alter table payout alter column cents type numeric',
  'alter table payout alter cents set data type numeric',
  'alter table payout alter column transfer set not null',
  'alter table payout add column reason text not null',
  'ALTER TABLE payout\n  ADD COLUMN reason text\n  NOT NULL',
  'truncate payout',
])('an older release would stumble over: %s', (statement) => {
  expect(faultsOf(statement)).toHaveLength(1)
  expect(faultsOf(`-- contract: 0.4.0 read by no release since 0.3.0\n${statement}`)).toEqual([])
  expect(isBreaking(statement)).toBe(false)
})

test.each([
  'create table t (id text not null, type text not null)',
  'alter table payout add column reason text',
  "alter table payout add column reason text not null default ''",
  'alter table payout drop constraint c, add constraint c check (true) not valid',
  'alter table payout alter column cents drop not null',
  'create trigger t before update or truncate on payout execute function f()',
  '-- drop table payout\nselect 1',
  'create index if not exists i on payout (type)',
])('an older release does not mind: %s', (statement) => {
  expect(faultsOf(statement)).toEqual([])
})

test('the marker names a release and a reason', () => {
  expect(isBreaking('-- contract: 0.4.0 nothing reads it')).toBe(true)
  expect(isBreaking('-- contract: soon\ndrop table payout')).toBe(false)
  expect(isBreaking('-- contract: 0.4.0')).toBe(false)
})
