import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signerOf } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openStore, type SettlementStore, type StoreOptions } from '../db/store.ts'
import { startPostgres, type TestPostgres } from '../db/testing/embedded-postgres.ts'
import { SettlementLog } from '../log/settlement-log.ts'
import { ingest } from '../receipts/ingest.ts'
import { makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK, NOW, testContext } from '../testing/market.ts'
import { fileOf, findBackup, MANIFEST } from './manifest.ts'
import { newBackup } from './new-backup.ts'
import { restore, verifyBackup } from './restore.ts'
import { readVault } from './vault.ts'

const HOUR_MS = 3_600_000
/** Making a database takes seconds of a machine that has nothing else to do. */
vi.setConfig({ testTimeout: 120_000 })

let server: TestPostgres
let folder: string
beforeAll(async () => {
  server = await startPostgres()
  folder = await mkdtemp(join(tmpdir(), 'hanse-backup-'))
}, 120_000)
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Of all databases here: keys have names that nobody else has. */
const vault = () => join(folder, 'vault')
const newDatabase = async () => ({ databaseUrl: await server.createDatabase() })
const newFolder = async () => ({ dataDir: join(folder, 'embedded') })

/** A market in which something happened, half of it rolled up. */
const populate = async (store: SettlementStore) => {
  const key = new Uint8Array(32).fill(9)
  const log = await SettlementLog.open({
    store,
    network: NETWORK,
    identity: signerOf(new Uint8Array(32).fill(3)),
    key: signerOf(key),
    defaultOrigin: 'test/log',
    now: () => NOW,
    onFailure: () => undefined,
  })
  const context = { ...testContext(store), log }
  const tenant = await addTenant(context, 100n)
  const provider = await addProvider(context)
  const authorization = await hold(context, tenant, provider, 50n * CENT)
  const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
  await store.keepUsagePartitions(NOW)
  // Another schema, as the queue of jobs has one, is nobody's business here.
  await store.executeSql(
    `create schema elsewhere; create table elsewhere.job (id int) partition by list (id);
     create table elsewhere.job_common partition of elsewhere.job default`,
  )
  const book = async (sessions: number) => {
    const deals = Array.from({ length: sessions }, () => makeDeal({ ...parties, at: NOW }))
    await ingest(
      context,
      deals.map((deal) => deal.submission(0, 7)),
    )
  }
  await book(3)
  await store.rollUpUsage()
  await book(2)
  await log.tick()
  await log.settled()
  return { tenant, provider, book }
}
const usageOf = async (store: SettlementStore, organization: string) => {
  while ((await store.rollUpUsage()).receipts > 0);
  const [day] = await store.usage({
    organization,
    from: NOW - HOUR_MS,
    to: NOW + HOUR_MS,
    group: 'model',
    limit: 10,
  })
  return day?.sessions
}

test.each<[string, StoreOptions | typeof newDatabase, () => Promise<StoreOptions>]>([
  ['PGlite moves up to PostgreSQL', {}, newDatabase],
  ['PostgreSQL moves down to PGlite', newDatabase, newFolder],
])(
  '%s by a backup, to the last row, and the service goes on there',
  async (name, source, target) => {
    await using store = await openStore(typeof source === 'function' ? await source() : source)
    const { tenant, provider, book } = await populate(store)
    const before = [
      await store.balance(tenant.organization),
      await store.providerBalance(provider.peerId),
      await store.logHead(),
    ]
    const made = await newBackup(store, join(folder, name), vault(), NOW)
    // What comes later is not in it.
    await book(1)
    const options = await target()
    const report = await restore(made.folder, vault(), options)
    expect(report).toMatchObject({ sound: true, differing: [], rows: made.rows })
    await using restored = await openStore(options)
    expect([
      await restored.balance(tenant.organization),
      await restored.providerBalance(provider.peerId),
      await restored.logHead(),
    ]).toEqual(before)
    // What was not rolled up before is now, and nothing twice.
    expect(await usageOf(restored, tenant.organization)).toBe(5n)
    const context = testContext(restored)
    await hold(context, tenant, provider, CENT)
    const deal = makeDeal({
      network: NETWORK,
      consumer: tenant.consumer,
      provider,
      at: NOW,
      authorization: await hold(context, tenant, provider, CENT),
    })
    expect(await ingest(context, [deal.submission(0, 1)])).toMatchObject([{ status: 'booked' }])
    expect(await usageOf(restored, tenant.organization)).toBe(6n)
    expect((await restored.ledgerCheck()).balanced).toBe(true)
    // A database that is used is nobody's target.
    await expect(restored.loadBackup(made.folder, await readVault(vault()))).rejects.toMatchObject({
      code: 'HANSE_RESTORE_TARGET',
    })
  },
)

test('a backup can be read by its owner alone, and is refused when a byte is changed', async () => {
  await using store = await openStore(await newDatabase())
  await populate(store)
  const made = await newBackup(store, join(folder, 'modes'), vault(), NOW)
  expect((await stat(made.folder)).mode & 0o777).toBe(0o700)
  const file = fileOf(made.folder, 'ledger_transfer')
  for (const path of [file, join(made.folder, MANIFEST)]) {
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  }
  const bytes = await readFile(file)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  await writeFile(file, bytes)
  await expect(verifyBackup(made.folder, vault())).rejects.toMatchObject({
    code: 'HANSE_BACKUP_INVALID',
  })
})

test('a manifest that names other tables, or more than a partition, is refused', async () => {
  await using store = await openStore(await newDatabase())
  const made = await newBackup(store, join(folder, 'forged'), vault(), NOW)
  await using target = await openStore(await newDatabase())
  const path = join(made.folder, MANIFEST)
  const text = await readFile(path, 'utf8')
  const partition = { name: 'usage_x', parent: 'usage', bound: 'DEFAULT' }
  const month = { ...partition, bound: "FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')" }
  const row = { name: 'pg_authid', columns: ['rolname'], rows: 0, sha256: '0'.repeat(64) }
  for (const change of [
    { partitions: [{ ...partition, bound: 'DEFAULT; drop table organization' }] },
    { partitions: [{ ...month, bound: `${month.bound}, ('1')` }] },
    { partitions: [{ ...month, parent: 'pg_class' }] },
    { partitions: [{ ...month, name: 'organization' }] },
    { partitions: [{ ...month, name: 'migration' }] },
    { tables: [row] },
    { tables: [{ ...row, name: 'migration', columns: ['name'] }] },
    { tables: [{ ...row, name: 'organization', columns: ['secret'] }] },
  ]) {
    await writeFile(path, JSON.stringify({ ...JSON.parse(text), ...change }))
    await expect(target.loadBackup(made.folder, await readVault(vault()))).rejects.toMatchObject({
      code: 'HANSE_BACKUP_INVALID',
    })
  }
  await writeFile(path, text)
  await target.loadBackup(made.folder, await readVault(vault()))
})

test('a file that is cut off or missing ends a restore with its code', async () => {
  await using store = await openStore(await newDatabase())
  await populate(store)
  const made = await newBackup(store, join(folder, 'cut'), vault(), NOW)
  await using target = await openStore(await newDatabase())
  const file = fileOf(made.folder, 'ledger_transfer')
  const bytes = await readFile(file)
  const refused = async () =>
    expect(target.loadBackup(made.folder, await readVault(vault()))).rejects.toMatchObject({
      code: 'HANSE_BACKUP_INVALID',
    })
  await writeFile(file, bytes.subarray(0, bytes.length - 12))
  await refused()
  await rm(file)
  await refused()
})

test('a backup that fails leaves nothing behind', async () => {
  await using store = await openStore(await newDatabase())
  await populate(store)
  const inside = join(folder, 'failed')
  await mkdir(inside)
  // A row that cannot be read, in a table after others: its partition is on a server that is not there.
  await store.executeSql(`create extension postgres_fdw;
    create server gone foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1');
    create user mapping for public server gone;
    create table zz (id int) partition by list (id);
    create foreign table zz_gone partition of zz default server gone`)
  await expect(newBackup(store, inside, vault(), NOW)).rejects.toThrow()
  expect(await readdir(inside)).toEqual([])
})

test('a backup while others write is of one moment', async () => {
  await using store = await openStore(await newDatabase())
  const { book } = await populate(store)
  let isWriting = true
  const writing = (async () => {
    while (isWriting) await book(2)
  })()
  const made = await newBackup(store, join(folder, 'busy'), vault(), NOW)
  isWriting = false
  await writing
  expect(await restore(made.folder, vault(), await newDatabase())).toMatchObject({ sound: true })
})

test('of several the newest by a time is found', async () => {
  await using store = await openStore(await newDatabase())
  const inside = join(folder, 'several')
  for (const hour of [0, 1, 2]) await newBackup(store, inside, vault(), NOW + hour * HOUR_MS)
  expect(await findBackup(inside)).toContain('2026-11-02T02')
  expect(await findBackup(inside, NOW + 1.5 * HOUR_MS)).toContain('2026-11-02T01')
  await expect(findBackup(inside, NOW - 1)).rejects.toMatchObject({
    code: 'HANSE_BACKUP_INVALID',
  })
})
