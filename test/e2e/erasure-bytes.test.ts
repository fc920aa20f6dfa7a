import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { openPersonal } from '@hanse/protocol'
import {
  checkLog,
  openSettlement,
  openStore,
  restore,
  type Settlement,
  type SettlementStore,
  type StripeDouble,
  startStripeDouble,
} from '@hanse/settlement'
import {
  prepareDataDir,
  runDataExports,
  signIn,
  startPostgres,
  type TestPostgres,
  tablesWith,
} from '@hanse/settlement/testing'
import { afterAll, beforeAll, test, vi } from 'vitest'
import { filesWith } from '../support/rights/byte-search.ts'
import { MARK, type MarkedTenant, markedTenant } from '../support/rights/marked-tenant.ts'
import { type ExportIndex, readArchive } from '../support/rights/read-archive.ts'

const DAY_MS = 86_400_000
/** 2026-11-02T00:00:00Z, at which the seeded things make sense. */
const BEGIN = 1_793_577_600_000
/** Two databases are made, used, written anew and restored. */
vi.setConfig({ testTimeout: 600_000 })

let folder: string
let postgres: TestPostgres
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-erasure-'))
  postgres = await startPostgres()
}, 120_000)
afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test.each(['pglite', 'postgres'] as const)(
  'on %s nothing of who was erased is left in any file, a backup that is restored included',
  async (kind) => {
    const clock = { now: BEGIN }
    const dataDir = join(folder, kind)
    await prepareDataDir(dataDir)
    const target = kind === 'pglite' ? {} : { databaseUrl: await postgres.createDatabase() }
    // Stripe is somebody else: what it keeps of its customers is not here.
    await using double = await openDouble(clock)
    const options = {
      ...target,
      dataDir,
      network: 'test',
      port: 0,
      operatorToken: OPERATOR,
      publicUrl: 'http://settlement.test',
      stripeUrl: double.url,
      now: () => clock.now,
      pressure: { eventLoopMs: Number.POSITIVE_INFINITY },
    }
    const files = kind === 'pglite' ? dataDir : postgres.dataDir

    let backup = ''
    let keys: readonly DocumentKey[] = []
    let names: ReadonlyMap<string, string> = new Map()
    {
      await using settlement = await openSettlement(options)
      const tenant = await markedTenant(settlement, double)
      const { store, context } = settlement
      backup = ((await operator(settlement, 'POST', '/v1/admin/backups')) as { folder: string })
        .folder
      const before = await indexOf(settlement, tenant)
      const marked = await tablesWith(store, MARK)
      assert.ok(marked.length > 20, `the mark is only in ${marked.join()}`)
      keys = await documentKeysOf(settlement, tenant)
      await store.executeSql('checkpoint')
      // What is looked for below is there to be found now: the mark in tables and in the log, and what opens the invoices.
      await checkFound(files, MARK)
      for (const { key } of keys) await checkFound(files, key)
      assert.notDeepEqual(await filesWith(join(dataDir, 'vault'), keys[0]?.key ?? ''), [])

      clock.now += 10 * DAY_MS
      await endWhatRuns(store, clock.now)
      const erased = await eraseAll(settlement, tenant)
      assert.deepEqual(await eraseAgain(settlement, tenant), erased)
      const scrubbed = (await operator(settlement, 'POST', '/v1/admin/gdpr/scrub')) as Scrubbed
      assert.ok(scrubbed.erasures > tenant.people.length && scrubbed.walSegments !== null)
      assert.deepEqual(await tablesWith(store, MARK), [])
      await checkOpenedForDutyAlone(settlement, keys)
      names = await namesOfFiles(store)

      const after = await indexOf(settlement, tenant)
      const recordsIn = ({ tables }: ExportIndex) => tables.filter(({ records = 0 }) => records > 0)
      assert.ok(recordsIn(after).length < recordsIn(before).length)
      for (const { table, onErasure, because } of recordsIn(after)) {
        assert.match(because ?? '', /\w/u, `${table} is ${onErasure} without a reason`)
      }
      assert.ok(recordsIn(after).some(({ table }) => table === 'document'))
      await context.log?.tick()
      await sound(store)
    }
    if (kind === 'postgres') {
      const client = await postgres.connect('postgres')
      await client.query('checkpoint')
      await client.end()
    }
    // Tables, indexes, statistics, the write-ahead log; of PGlite, all of the data directory: vault, keys and backups, too.
    for (const word of [MARK, ...keys.map(({ key }) => key)]) {
      const left = await filesWith(files, word)
      assert.deepEqual(
        left.map((path) => [path, names.get(path.replace(/^database\//u, ''))]),
        [],
      )
      assert.deepEqual(await filesWith(dataDir, word), [])
    }

    const vault = join(dataDir, 'vault')
    await checkBackupIsShut(backup, vault, keys)
    await checkRestored(backup, vault, { dataDir: join(folder, `${kind}-restored`) }, keys)
    await using server = await startPostgres()
    const databaseUrl = await server.createDatabase()
    await checkRestored(backup, vault, { databaseUrl, dataDir: server.dataDir }, keys)
  },
)

const OPERATOR = 'operator-token-of-a-test'
interface Scrubbed {
  readonly erasures: number
  readonly walSegments: number | null
}

async function openDouble(clock: { now: number }): Promise<StripeDouble & AsyncDisposable> {
  const double = await startStripeDouble({ now: () => clock.now, delivery: 'manual' })
  return Object.assign(double, { [Symbol.asyncDispose]: () => double.close() })
}

async function operator(
  { app }: Settlement,
  method: 'GET' | 'POST',
  url: string,
  payload?: object,
): Promise<unknown> {
  const headers = { authorization: `Bearer ${OPERATOR}` }
  const answer = await app.inject({
    method,
    url,
    headers,
    ...(payload !== undefined && { payload }),
  })
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json()
}

/** Time has passed: promises came free, the plan ran out, and what was not paid never will be. */
async function endWhatRuns(store: SettlementStore, at: number): Promise<void> {
  while ((await store.releaseExpired(at, at)) > 0);
  await store.executeSql(`update plan_subscription set status = 'ended'`)
  await store.executeSql(`update top_up set state = 'failed' where state = 'pending'`)
}

/** The organization by its owner, then everybody for themselves. */
async function eraseAll(settlement: Settlement, tenant: MarkedTenant): Promise<string> {
  const { app, context } = settlement
  const fresh = async (person: string) => signIn(context, person, ['password'])
  const erased = await app.inject({
    method: 'POST',
    url: '/v1/gdpr/erase',
    headers: await fresh(tenant.owner.id),
    payload: { confirm: tenant.organization, giveUpBalance: true },
  })
  assert.equal(erased.statusCode, 200, erased.body)
  for (const person of tenant.people) {
    const headers = await fresh(person)
    const gone = await app.inject({ method: 'POST', url: '/v1/gdpr/me/erase', headers })
    assert.equal(gone.statusCode, 200, gone.body)
  }
  return erased.json<{ tombstone: string }>().tombstone
}

/** By an operator, for nobody of them can come in any more. */
async function eraseAgain(settlement: Settlement, tenant: MarkedTenant): Promise<string> {
  const { store } = settlement
  const count = async () =>
    (await store.executeSql('select count(*)::int4 as n from erasure')).rows[0]
  const before = await count()
  const asked = { kind: 'erasure', subjectKind: 'organization', subject: tenant.organization }
  const { id } = (await operator(settlement, 'POST', '/v1/admin/gdpr/requests', asked)) as {
    id: string
  }
  const path = `/v1/admin/gdpr/requests/${id}`
  await operator(settlement, 'POST', `${path}/steps`, { step: 'identified' })
  const again = await operator(settlement, 'POST', `${path}/erasure`, {})
  assert.deepEqual(await count(), before)
  return (again as { tombstone: string }).tombstone
}

async function indexOf(
  settlement: Settlement,
  { organization }: MarkedTenant,
): Promise<ExportIndex> {
  const subject = { subjectKind: 'organization', subject: organization }
  const { id } = (await operator(settlement, 'POST', '/v1/admin/gdpr/exports', subject)) as {
    id: string
  }
  await madeExport(settlement, organization, id)
  const file = await settlement.app.inject({
    url: `/v1/admin/gdpr/exports/${id}/file`,
    headers: { authorization: `Bearer ${OPERATOR}` },
  })
  assert.equal(file.statusCode, 200, file.body)
  const files = readArchive(file.rawPayload)
  const index = files.get('index.json') as ExportIndex
  for (const { files: named = [] } of index.tables) {
    for (const name of named) assert.ok(Array.isArray(files.get(name)), name)
  }
  return index
}

/** By this process, now, or by the job that runs beside it. */
async function madeExport(settlement: Settlement, subject: string, id: string): Promise<void> {
  await runDataExports(settlement.context, new AbortController().signal)
  const path = `/v1/admin/gdpr/exports?subjectKind=organization&subject=${subject}`
  await vi.waitFor(
    async () => {
      const { exports } = (await operator(settlement, 'GET', path)) as {
        exports: { id: string; state: string }[]
      }
      assert.equal(exports.find((one) => one.id === id)?.state, 'done', JSON.stringify(exports))
    },
    { timeout: 60_000, interval: 200 },
  )
}

/** Which table or index a file is of, for whoever has to find out. */
async function namesOfFiles(store: SettlementStore): Promise<ReadonlyMap<string, string>> {
  const { rows } = await store.executeSql(
    `select pg_relation_filepath(oid) as path, oid::regclass::text as name from pg_class
      where pg_relation_filepath(oid) is not null`,
  )
  return new Map((rows as { path: string; name: string }[]).map(({ path, name }) => [path, name]))
}

async function sound(store: SettlementStore): Promise<void> {
  const log = await checkLog(store)
  assert.deepEqual([log.sound, log.differences, log.waiting], [true, [], false])
  assert.deepEqual((await store.ledgerCheck()).differences, [])
}

/** What opens the documents of a party, and what is sealed with it. */
interface DocumentKey {
  readonly key: Uint8Array
  readonly documents: readonly { readonly number: string; readonly sealed: Uint8Array }[]
}

/** The keys of the tenant's documents while they are open; each opens what has the mark in it. */
async function documentKeysOf(
  { store }: Settlement,
  { organization }: MarkedTenant,
): Promise<DocumentKey[]> {
  const { rows } = await store.executeSql(
    `select encode(k.key, 'hex') as key, d.number, encode(d.sealed, 'hex') as sealed
      from document_key k join document d on d.sealed_by = k.id where k.organization = $1`,
    [organization],
  )
  const found = rows as { key: string; number: string; sealed: string }[]
  assert.ok(found.length > 0, 'no documents')
  return [...Map.groupBy(found, ({ key }) => key)].map(([key, documents]) => ({
    key: bytesOf(key),
    documents: documents.map(({ number, sealed }) => {
      assert.match(opened(bytesOf(key), bytesOf(sealed)), new RegExp(MARK, 'u'))
      return { number, sealed: bytesOf(sealed) }
    }),
  }))
}

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

/** In the write-ahead log and elsewhere, or the search would look in the wrong place. */
async function checkFound(files: string, word: string | Uint8Array): Promise<void> {
  const found = await filesWith(files, word)
  assert.ok(
    found.some((path) => path.includes('pg_wal/')),
    `not in the write-ahead log: ${found.join()}`,
  )
  assert.ok(found.some((path) => !path.includes('pg_wal/')))
}

/** Law keeps invoices: who asks gets a reason, and an operator who names a duty the invoice. */
async function checkOpenedForDutyAlone(
  settlement: Settlement,
  keys: readonly DocumentKey[],
): Promise<void> {
  const headers = { authorization: `Bearer ${OPERATOR}` }
  for (const { number } of keys.flatMap(({ documents }) => documents)) {
    const asked = await settlement.app.inject({ url: `/v1/admin/documents/${number}`, headers })
    assert.equal(asked.statusCode, 403, asked.body)
    assert.equal(asked.json<{ code: string }>().code, 'HANSE_DOCUMENT_RESTRICTED')
    const duty = await settlement.app.inject({
      method: 'POST',
      url: `/v1/admin/documents/${number}/openings`,
      headers,
      payload: { duty: 'tax-audit', reference: 'audit 7' },
    })
    assert.equal(duty.statusCode, 200, duty.body)
    assert.match(duty.body, new RegExp(MARK, 'u'))
  }
}

/** With every key that there is, nothing of them can be opened in the backup from before. */
async function checkBackupIsShut(
  backup: string,
  vault: string,
  documentKeys: readonly DocumentKey[],
): Promise<void> {
  assert.deepEqual(await filesWith(backup, MARK), [])
  const keys = (await readFile(join(vault, 'keys.jsonl'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => bytesOf((JSON.parse(line) as { key: string }).key))
    .concat(await openDocumentKeys(vault))
  let found = 0
  for (const { sealed } of documentKeys.flatMap(({ documents }) => documents)) {
    if ((await filesWith(backup, sealed.subarray(0, 48))).length > 0) found++
    for (const key of keys) assert.equal(opened(key, sealed), '')
  }
  assert.ok(found > 0, 'the backup has invoices, and nothing that opens them')
  let boxes = 0
  for (const name of await readdir(backup)) {
    if (!name.endsWith('.gz')) continue
    const text = gunzipSync(await readFile(join(backup, name))).toString('utf8')
    for (const [, box = ''] of text.matchAll(/"box":"([^"]+)"/gu)) {
      boxes++
      const bytes = Buffer.from(box, 'base64')
      for (const key of keys) assert.doesNotMatch(opened(key, bytes), new RegExp(MARK, 'u'))
    }
  }
  assert.ok(boxes > 50, 'what is personal is sealed')
}

/** Of documents, in the clear. */
async function openDocumentKeys(vault: string): Promise<Uint8Array[]> {
  const text = await readFile(join(vault, 'document-keys.jsonl'), 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => (JSON.parse(line) as { key: string | null }).key ?? [])
    .map(bytesOf)
}

function opened(key: Uint8Array, box: Uint8Array): string {
  try {
    return Buffer.from(openPersonal(key, Uint8Array.from(box))).toString('utf8')
  } catch {
    return ''
  }
}

async function checkRestored(
  backup: string,
  vault: string,
  { databaseUrl, dataDir }: { readonly databaseUrl?: string; readonly dataDir: string },
  keys: readonly DocumentKey[],
): Promise<void> {
  await mkdir(dataDir, { recursive: true })
  const target = databaseUrl === undefined ? { dataDir } : { databaseUrl }
  const report = await restore(backup, vault, target)
  assert.equal(report.sound, true, inspect(report))
  assert.ok(report.erasedAgain > 0)
  await using store = await openStore(target)
  assert.deepEqual(await tablesWith(store, MARK), [])
  await store.executeSql('checkpoint')
  // Rows came as an erasure leaves them: there is nothing to write anew, in no table and in no log.
  for (const word of [MARK, ...keys.map(({ key }) => key)])
    assert.deepEqual(await filesWith(dataDir, word), [])
  // Were there anything, it would be seen.
  await store.executeSql('create table seen (word text, key bytea)')
  await store.executeSql('insert into seen values ($1, $2)', [MARK, keys[0]?.key])
  await store.executeSql('checkpoint')
  await checkFound(dataDir, MARK)
  await checkFound(dataDir, keys[0]?.key ?? '')
}
