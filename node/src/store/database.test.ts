import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { Database, isDiskFault } from './database.ts'

test('a full disk is told apart from other faults, and what comes after it works', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hanse-database-'))
  try {
    using db = new Database(join(folder, 'full.db'), (fresh) =>
      fresh.exec('create table note (text blob unique)'),
    )
    const add = (text: Uint8Array) =>
      db.durably(() => db.prepare('insert into note (text) values (?)').run(text))
    add(Uint8Array.of(1))
    // SQLite answers as it does when the disk takes no page more.
    db.prepare('pragma max_page_count = 4').get()
    assert.throws(() => add(new Uint8Array(100_000)), isDiskFault)
    db.prepare('pragma max_page_count = 1000').get()
    add(new Uint8Array(100_000))
    assert.throws(
      () => add(Uint8Array.of(1)),
      (error: unknown) => error instanceof Error && !isDiskFault(error),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
