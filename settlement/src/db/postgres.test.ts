import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizationContract } from '../authorizations/authorization-contract.ts'
import { budgetContract } from '../budgets/budget-contract.ts'
import { notedBudgetsContract } from '../budgets/noted-budgets-contract.ts'
import { complianceContract } from '../compliance/compliance-contract.ts'
import { deletionContract } from '../deletion/deletion-contract.ts'
import { documentsContract } from '../documents/documents-contract.ts'
import { monthClosingContract } from '../documents/month-closing-contract.ts'
import { explorerContract } from '../explorer/explorer-contract.ts'
import { jobsContract } from '../jobs/jobs-contract.ts'
import { ledgerContract } from '../ledger/ledger-contract.ts'
import { linksContract } from '../provider-links/links-contract.ts'
import { ingestStatements } from '../receipts/ingest-statements.ts'
import { residencyContract } from '../receipts/residency-contract.ts'
import { serviceLevelsContract } from '../service-levels/service-levels-contract.ts'
import { sessionNotesContract } from '../session-notes/session-notes-contract.ts'
import { makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK, testContext } from '../testing/market.ts'
import { lineOf, makeStatement } from '../testing/statements.ts'
import { usageContract } from '../usage/usage-contract.ts'
import { citusContract } from './citus-contract.ts'
import { columnListsContract } from './column-lists-contract.ts'
import { interleavingContract } from './interleaving-contract.ts'
import { listen } from './listen.ts'
import { logContract } from './log-contract.ts'
import { statementContract } from './statement-contract.ts'
import { openStore, type SettlementStore } from './store.ts'
import { storeContract } from './store-contract.ts'
import { startPostgres, type TestPostgres } from './testing/embedded-postgres.ts'

let server: TestPostgres
let url: string
const opened: SettlementStore[] = []
/** In turns, each as another process would be: a server takes a hundred connections, and a pool has several. */
const STORES = 3
let turn = 0
const open = async (): Promise<SettlementStore> => {
  const known = opened[turn++ % STORES]
  if (known !== undefined) return known
  const store = await openStore({ databaseUrl: url })
  opened.push(store)
  return store
}

beforeAll(async () => {
  server = await startPostgres()
  url = await server.createDatabase()
}, 120_000)
afterAll(async () => {
  await Promise.all(opened.map((store) => store.close()))
  await server[Symbol.asyncDispose]()
})

ledgerContract('PostgreSQL', open)
explorerContract('PostgreSQL', open)
authorizationContract('PostgreSQL', open)
budgetContract('PostgreSQL', open)
notedBudgetsContract('PostgreSQL', open)
storeContract('PostgreSQL', open)
linksContract('PostgreSQL', open)
columnListsContract('PostgreSQL', open)
// Before that of usage, which in the end drops the months that these sessions are of.
sessionNotesContract('PostgreSQL', open)
usageContract('PostgreSQL', open)
serviceLevelsContract('PostgreSQL', open)
jobsContract('PostgreSQL', open)
statementContract('PostgreSQL', open)
residencyContract('PostgreSQL', open)
interleavingContract('PostgreSQL', open)
complianceContract('PostgreSQL', open)
deletionContract('PostgreSQL', open)
// Months are closed once in a database, and in their order: these have one of their own.
let archive: Promise<[SettlementStore, SettlementStore]> | undefined
const openTwice = async (): Promise<[SettlementStore, SettlementStore]> => {
  const databaseUrl = await server.createDatabase()
  return [await openStore({ databaseUrl }), await openStore({ databaseUrl })]
}
documentsContract('PostgreSQL', async () => {
  archive ??= openTwice()
  const [first, second] = await archive
  return turn++ % 2 === 0 ? first : second
})
afterAll(async () => {
  for (const store of (await archive) ?? []) await store.close()
})
let monthEnds: Promise<SettlementStore> | undefined
monthClosingContract('PostgreSQL', () => {
  monthEnds ??= server.createDatabase().then((databaseUrl) => openStore({ databaseUrl }))
  return monthEnds
})
afterAll(async () => (await monthEnds)?.close())
logContract('PostgreSQL', async () => {
  const databaseUrl = await server.createDatabase()
  const stores: SettlementStore[] = []
  const reopen = async () => {
    const store = await openStore({ databaseUrl })
    stores.push(store)
    return store
  }
  const store = await reopen()
  const close = async () => {
    await Promise.all(stores.map((one) => one.close()))
  }
  return { store, reopen, close }
})

test('PostgreSQL: processes that start together migrate an empty database once', async () => {
  const databaseUrl = await server.createDatabase()
  const stores = await Promise.all([1, 2, 3].map(() => openStore({ databaseUrl })))
  expect(await stores[0]?.ledgerCheck()).toMatchObject({ balanced: true, transfers: 0 })
  await Promise.all(stores.map((store) => store.close()))
})

test('PostgreSQL: statements that are kept go on after a migration added a column', async () => {
  const databaseUrl = await server.createDatabase()
  await using store = await openStore({ databaseUrl })
  const provider = await addProvider(testContext(store))
  // More than a text needs to be kept, on each of the connections.
  const ask = () => Promise.all(Array.from({ length: 100 }, () => store.provider(provider.peerId)))
  await ask()
  const kept = 'select statement from pg_prepared_statements where from_sql = false'
  expect((await store.executeSql(kept)).rows).not.toEqual([])
  await store.executeSql('alter table provider add column later text')
  for (const found of await ask()) expect(found?.peerId).toBe(provider.peerId)
})

test('PostgreSQL: transfers can be neither changed nor deleted, and the check finds a forged balance', async () => {
  const databaseUrl = await server.createDatabase()
  await using store = await openStore({ databaseUrl })
  const { organization } = await addTenant(testContext(store), 5n)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  for (const statement of [
    'update ledger_transfer set amount = 1',
    'delete from ledger_transfer',
    'truncate ledger_transfer cascade',
  ]) {
    await expect(client.query(statement)).rejects.toThrow('never changed')
  }
  await client.query('update ledger_balance set credits = credits + 1 where guarded')
  await client.end()
  const report = await store.ledgerCheck()
  expect(report.balanced).toBe(false)
  expect(report.differences).toContainEqual({
    check: 'rollup',
    subject: `available/${organization}`,
    expected: '50000000000',
    actual: '50000000001',
  })
  expect(report.differences.map(({ check }) => check)).toContain('sums')
})

test('PostgreSQL: the check finds sessions whose statement or receipts whose session is not there', async () => {
  const databaseUrl = await server.createDatabase()
  await using store = await openStore({ databaseUrl })
  const context = testContext(store)
  const { organization, consumer } = await addTenant(context, 5n)
  const provider = await addProvider(context)
  const authorization = await hold(context, { organization, consumer }, provider, CENT)
  const parties = { network: NETWORK, consumer, provider, authorization }
  const deal = makeDeal({ ...parties, at: context.now() })
  const statement = makeStatement(parties, [lineOf(deal.submission(0, 1))])
  await ingestStatements(context, [statement])
  expect((await store.ledgerCheck()).balanced).toBe(true)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('delete from settled_statement')
  await client.query("update settled_session set session = 'another'")
  await client.end()
  const { differences } = await store.ledgerCheck()
  expect(differences.map(({ check, subject }) => `${check} ${subject}`)).toEqual([
    'orphan settled_session',
    'orphan settled_receipt',
    'orphan settled_receipt',
  ])
})

test('PostgreSQL: whoever stops to hear while the connection is still being made is done with it', async () => {
  const databaseUrl = await server.createDatabase()
  for (const afterMs of [0, 2, 5, 10, 20, 50, 100]) {
    const listener = listen(databaseUrl, 'anything', () => undefined)
    await setTimeout(afterMs)
    await listener[Symbol.asyncDispose]()
    expect(listener.isListening).toBe(false)
  }
})

test('PostgreSQL: a migration that this release does not know is refused', async () => {
  const databaseUrl = await server.createDatabase()
  await (await openStore({ databaseUrl })).close()
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query("insert into migration (name, digest) values ('9999_future.sql', '')")
  await client.end()
  await expect(openStore({ databaseUrl })).rejects.toMatchObject({ code: 'HANSE_STORE_MIGRATION' })
})

citusContract(async () => openStore({ databaseUrl: await server.createDatabase() }))
