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
    let invoices: string[] = []
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
      await store.executeSql('checkpoint')
      assert.notDeepEqual(await filesWith(files, MARK), [])

      clock.now += 10 * DAY_MS
      await endWhatRuns(store, clock.now)
      const erased = await eraseAll(settlement, tenant)
      assert.deepEqual(await eraseAgain(settlement, tenant), erased)
      const scrubbed = (await operator(settlement, 'POST', '/v1/admin/gdpr/scrub')) as Scrubbed
      assert.ok(scrubbed.erasures > tenant.people.length && scrubbed.walSegments !== null)
      assert.deepEqual(await tablesWith(store, MARK), ['document'])
      invoices = await filesOf(store, 'document')
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
    // An invoice names its parties, and law keeps it: its table's own files, and nothing else.
    const left = (await filesWith(files, MARK)).filter(
      (path) => !invoices.some((file) => path.endsWith(file)) && !path.startsWith('backups/'),
    )
    assert.deepEqual(
      left.map((path) => [path, names.get(path.replace(/^database\//u, ''))]),
      [],
    )

    await checkBackupIsShut(backup, join(dataDir, 'vault'))
    await checkRestored(backup, join(dataDir, 'vault'), join(folder, `${kind}-restored`))
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

/** Of a table, its indexes and what it keeps beside it, the ends of their paths. */
async function filesOf(store: SettlementStore, table: string): Promise<string[]> {
  const { rows } = await store.executeSql(
    `select pg_relation_filepath(c.oid) as path from pg_class t
      join pg_class c on c.oid in (t.oid, t.reltoastrelid)
        or c.oid in (select indexrelid from pg_index where indrelid in (t.oid, t.reltoastrelid))
      where t.oid = $1::regclass`,
    [table],
  )
  return (rows as { path: string }[]).map(({ path }) => path)
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

/** With every key that there is, nothing of them can be opened in the backup from before. */
async function checkBackupIsShut(backup: string, vault: string): Promise<void> {
  assert.deepEqual(
    (await filesWith(backup, MARK)).filter((file) => file !== 'document.jsonl.gz'),
    [],
  )
  const keys = (await readFile(join(vault, 'keys.jsonl'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from((JSON.parse(line) as { key: string }).key, 'hex'))
  let boxes = 0
  for (const name of await readdir(backup)) {
    if (!name.endsWith('.gz')) continue
    const text = gunzipSync(await readFile(join(backup, name))).toString('utf8')
    for (const [, box = ''] of text.matchAll(/"box":"([^"]+)"/gu)) {
      boxes++
      for (const key of keys) assert.doesNotMatch(opened(key, box), new RegExp(MARK, 'u'))
    }
  }
  assert.ok(boxes > 50, 'what is personal is sealed')
}

function opened(key: Uint8Array, box: string): string {
  try {
    return Buffer.from(openPersonal(Uint8Array.from(key), Buffer.from(box, 'base64'))).toString(
      'utf8',
    )
  } catch {
    return ''
  }
}

async function checkRestored(backup: string, vault: string, dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true })
  const report = await restore(backup, vault, { dataDir })
  assert.equal(report.sound, true, inspect(report))
  assert.ok(report.erasedAgain > 0)
  await using store = await openStore({ dataDir })
  assert.deepEqual(await tablesWith(store, MARK), ['document'])
  const invoices = await filesOf(store, 'document')
  await store.executeSql('checkpoint')
  // Rows came as an erasure leaves them: there is nothing to write anew. Of the write-ahead log, invoices alone.
  const left = (await filesWith(dataDir, MARK)).filter(
    (path) => !invoices.some((file) => path.endsWith(file)) && !path.includes('pg_wal'),
  )
  assert.deepEqual(left, [])
}
