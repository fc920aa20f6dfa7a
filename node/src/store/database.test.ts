import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { Database, type DatabaseOptions, isDiskFault } from './database.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-database-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Another process in its first migration, before the file has a write-ahead log. */
const MAKE_SLOWLY = `
  const { DatabaseSync } = require('node:sqlite')
  const { parentPort, workerData } = require('node:worker_threads')
  const db = new DatabaseSync(workerData.path)
  db.exec('begin immediate; ' + workerData.make + "; insert into note values (x'00')")
  parentPort.postMessage('making')
  setTimeout(() => { db.exec('commit'); db.close() }, 50)`
const MAKE = 'create table if not exists note (text blob unique)'
/** SQLite answers as it does when the disk takes no page more. */
const FULL = 'pragma max_page_count = 4'
const BIG = new Uint8Array(100_000)

function open(options: DatabaseOptions = {}): Database {
  const migrate = (db: { exec(sql: string): void }) => {
    if (options.readOnly !== true) db.exec(MAKE)
  }
  return new Database(join(folder, 'notes.db'), migrate, options)
}

const insert = (db: Database, text: Uint8Array) =>
  db.prepare('insert into note (text) values (?)').run(text)
const count = (db: Database) => Number(db.prepare('select count(*) as n from note').get()?.n)

test('a full disk is told apart from other faults, and what comes after it works', () => {
  using db = open()
  const add = (text: Uint8Array) => db.durably(() => insert(db, text))
  add(Uint8Array.of(1))
  db.prepare(FULL).get()
  assert.throws(() => add(BIG), isDiskFault)
  db.prepare('pragma max_page_count = 1000').get()
  add(BIG)
  assert.throws(
    () => add(Uint8Array.of(1)),
    (error: unknown) => error instanceof Error && !isDiskFault(error),
  )
  assert.ok(isDiskFault(Object.assign(new Error('fdatasync'), { code: 'ENOSPC' })))
})

test('a file that somebody else is about to make is waited for', async () => {
  const path = join(folder, 'notes.db')
  const maker = new Worker(MAKE_SLOWLY, { eval: true, workerData: { path, make: MAKE } })
  await once(maker, 'message')
  using db = open()
  assert.equal(count(db), 1)
  await once(maker, 'exit')
})

describe('writes of one turn', () => {
  test('are read at once here, and by others when they are committed together', async () => {
    using db = open()
    using other = open({ readOnly: true })
    for (let n = 0; n < 3; n++) db.write(() => insert(db, Uint8Array.of(n)))
    assert.equal(count(db), 3)
    assert.equal(count(other), 0)
    await db.committed()
    assert.equal(count(other), 3)
  })

  test('are committed before a transaction that comes after them, and by closing', () => {
    using other = open()
    {
      using db = open()
      db.write(() => insert(db, Uint8Array.of(1)))
      db.transaction(() => assert.equal(count(other), 1))
      db.write(() => insert(db, Uint8Array.of(2)))
    }
    assert.equal(count(other), 2)
  })

  test('stand when one of them fails, which leaves nothing of itself', async () => {
    using db = open()
    db.write(() => insert(db, Uint8Array.of(1)))
    assert.throws(() =>
      db.write(() => {
        insert(db, Uint8Array.of(2))
        db.write(() => insert(db, Uint8Array.of(1)))
      }),
    )
    db.write(() => insert(db, Uint8Array.of(3)))
    await db.committed()
    assert.deepEqual(
      db
        .prepare('select text from note order by text')
        .all()
        .map(({ text }) => [...(text as Uint8Array)]),
      [[1], [3]],
    )
  })

  test('that the disk does not take are lost together, and all who wait hear why', async () => {
    let lost = 0
    using db = open({ onLost: () => lost++ })
    db.write(() => insert(db, Uint8Array.of(1)))
    const waiting = [db.committed(), db.synced()]
    db.prepare(FULL).get()
    assert.throws(() => db.write(() => insert(db, BIG)), isDiskFault)
    for (const promise of waiting) await assert.rejects(promise, isDiskFault)
    assert.equal(lost, 1)
    assert.equal(count(db), 0)
    db.write(() => insert(db, Uint8Array.of(2)))
    await db.synced()
    assert.equal(count(db), 1)
  })

  test('are on the disk for all who asked, also when they asked while others waited', async () => {
    using db = open()
    const done: number[] = []
    const save = async (n: number) => {
      db.write(() => insert(db, Uint8Array.of(n)))
      await db.synced()
      done.push(n)
    }
    const first = save(1)
    await db.committed()
    await Promise.all([first, save(2), save(3), save(4)])
    assert.deepEqual(new Set(done), new Set([1, 2, 3, 4]))
  })

  test('are on the disk when the file is closed while somebody waits for that', async () => {
    let synced: Promise<void>
    {
      using db = open()
      db.write(() => insert(db, Uint8Array.of(1)))
      synced = db.synced()
    }
    await synced
    using again = open()
    assert.equal(count(again), 1)
  })
})
