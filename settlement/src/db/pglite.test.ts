import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizationContract } from '../authorizations/authorization-contract.ts'
import { complianceContract } from '../compliance/compliance-contract.ts'
import { deletionContract } from '../deletion/deletion-contract.ts'
import { explorerContract } from '../explorer/explorer-contract.ts'
import { jobsContract } from '../jobs/jobs-contract.ts'
import { ledgerContract } from '../ledger/ledger-contract.ts'
import { residencyContract } from '../receipts/residency-contract.ts'
import { openTestStore } from '../testing/database-template.ts'
import { addTenant, testContext } from '../testing/market.ts'
import { usageContract } from '../usage/usage-contract.ts'
import { columnListsContract } from './column-lists-contract.ts'
import { interleavingContract } from './interleaving-contract.ts'
import { logContract } from './log-contract.ts'
import { openPGlite, type PGliteStore } from './pglite.ts'
import { statementContract } from './statement-contract.ts'
import { storeContract } from './store-contract.ts'

let shared: PGliteStore
beforeAll(async () => {
  shared = await openTestStore()
})
afterAll(() => shared.close())

ledgerContract('PGlite', async () => shared)
explorerContract('PGlite', async () => shared)
authorizationContract('PGlite', async () => shared)
storeContract('PGlite', async () => shared)
columnListsContract('PGlite', async () => shared)
usageContract('PGlite', async () => shared)
jobsContract('PGlite', async () => shared)
statementContract('PGlite', async () => shared)
residencyContract('PGlite', async () => shared)
interleavingContract('PGlite', async () => shared)
complianceContract('PGlite', async () => shared)
deletionContract('PGlite', async () => shared)
logContract('PGlite', async () => {
  const store = await openTestStore()
  return { store, reopen: async () => store, close: () => store.close() }
})

async function temporary(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'hanse-pglite-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

test('PGlite: every commit reaches the disk, and a reopened store has it all', async () => {
  await using folder = await temporary()
  let tenant: { organization: string }
  {
    await using store = await openPGlite(folder.path)
    const before = await store.fsyncCount()
    tenant = await addTenant(testContext(store), 7n)
    // The tenant, the row of the top-up, its credit: three commits.
    expect((await store.fsyncCount()) - before).toBeGreaterThanOrEqual(3)
  }
  await using store = await openPGlite(folder.path)
  expect((await store.balance(tenant.organization)).available).toBe(70_000_000_000n)
})

test('PGlite: a second opener of one directory is refused, until the first is gone', async () => {
  await using folder = await temporary()
  const first = await openPGlite(folder.path)
  await expect(openPGlite(folder.path)).rejects.toMatchObject({ code: 'HANSE_STORE_OWNED' })
  await first.close()
  await expect(first.ping()).rejects.toMatchObject({ code: 'HANSE_STORE_CLOSED' })
  await (await openPGlite(folder.path)).close()
})
