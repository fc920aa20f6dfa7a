import { execFile } from 'node:child_process'
import { chown, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createApiKey, openStore, type SettlementStore } from '@hanse/settlement'
import { startPostgres, type TestPostgres } from '@hanse/settlement/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-point-in-time-'))
  await promisify(execFile)('chmod', ['755', folder])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** @returns what finds the organization's key */
async function newOrganization(store: SettlementStore, id: string): Promise<string> {
  const { prefix, hash } = createApiKey()
  const key = { prefix, hash }
  await store.createOrganization({ id, name: id, key, consumers: [], at: Date.now() })
  return prefix
}

/** The files belong to the user that the server runs as. */
async function ownedLike(dataDir: string, path: string): Promise<void> {
  const { uid, gid } = await stat(dataDir)
  await chown(path, uid, gid)
}

/** As the guide says: the files between start and stop, with the label that tells recovery where to begin. */
async function baseBackup(server: TestPostgres, store: SettlementStore): Promise<string> {
  const base = join(folder, 'base')
  // One session for start and stop: the server wants it so.
  const client = await server.connect('postgres')
  await client.query("select pg_backup_start('base', true)")
  await newOrganization(store, 'during-the-copy')
  await promisify(execFile)('cp', ['-a', server.dataDir, base])
  const { rows } = await client.query('select labelfile from pg_backup_stop()')
  await client.end()
  await rm(join(base, 'postmaster.pid'), { force: true })
  for (const name of await readdir(join(base, 'pg_wal'))) {
    await rm(join(base, 'pg_wal', name), { recursive: true })
  }
  for (const [name, text] of [
    ['backup_label', rows[0].labelfile],
    ['recovery.signal', ''],
  ]) {
    await writeFile(join(base, name), text, { mode: 0o600 })
    await ownedLike(server.dataDir, join(base, name))
  }
  return base
}

test('a database goes back to a moment between two commits, out of a base backup and the archived log', async () => {
  const archive = join(folder, 'wal')
  await mkdir(archive)
  const server = await startPostgres({
    settings: [
      'wal_level=replica',
      'archive_mode=on',
      `archive_command=test ! -f ${archive}/%f && cp %p ${archive}/%f`,
    ],
  })
  let base: string
  let moment: string
  let before: string
  let after: string
  try {
    await ownedLike(server.dataDir, archive)
    await using store = await openStore({ databaseUrl: await server.createDatabase() })
    base = await baseBackup(server, store)
    before = await newOrganization(store, 'before')
    const { rows } = await store.executeSql('select clock_timestamp()::text as now')
    moment = (rows[0] as { now: string }).now
    after = await newOrganization(store, 'after')
    await store.executeSql('select pg_switch_wal()')
    await expect
      .poll(
        async () => {
          const archived = await store.executeSql(
            `select last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1) as done,
               archived_count > 1 as some from pg_stat_archiver`,
          )
          return archived.rows[0]
        },
        { timeout: 60_000 },
      )
      .toMatchObject({ some: true, done: true })
  } finally {
    await server[Symbol.asyncDispose]()
  }

  await using restored = await startPostgres({
    from: { dataDir: base, password: server.password },
    settings: [
      `restore_command=cp ${archive}/%f %p`,
      `recovery_target_time=${moment}`,
      'recovery_target_action=promote',
    ],
  })
  const databaseUrl = restored.url('test_1')
  await expect.poll(() => isPromoted(restored), { timeout: 60_000, interval: 500 }).toBe(true)
  await using store = await openStore({ databaseUrl })
  expect(await store.keyByPrefix(before)).toMatchObject({ organization: 'before' })
  expect(await store.keyByPrefix(after)).toBeUndefined()
  expect(await store.ledgerCheck()).toMatchObject({ balanced: true })
  // It goes on from there.
  expect(await store.keyByPrefix(await newOrganization(store, 'next'))).toBeDefined()
})

async function isPromoted(server: TestPostgres): Promise<boolean> {
  try {
    const client = await server.connect('postgres')
    const { rows } = await client.query('select pg_is_in_recovery() as recovering')
    await client.end()
    return rows[0].recovering === false
  } catch {
    // It does not let anybody in yet.
    return false
  }
}
