import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { startPostgres, type TestPostgres } from '../db/testing/embedded-postgres.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { sealedDocumentsContract } from './sealed-documents-contract.ts'

let folder: string
let server: TestPostgres
let made = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-sealed-'))
  server = await startPostgres()
}, 120_000)
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

sealedDocumentsContract('PGlite', async () => {
  const dataDir = join(folder, String(++made))
  await prepareDataDir(dataDir)
  return { dataDir }
})
sealedDocumentsContract('PostgreSQL', async () => ({ databaseUrl: await server.createDatabase() }))
