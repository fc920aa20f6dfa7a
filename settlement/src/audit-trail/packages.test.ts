import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  type PackageReport,
  parseCheckpoint,
  type TrustRoots,
  verifyPackage,
} from '@hanse/protocol'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { addMemberOf, addOrganization } from '../access/testing/people.ts'
import { ownerOf } from '../log/log-fact.ts'
import { ingest } from '../receipts/ingest.ts'
import { ingestStatements } from '../receipts/ingest-statements.ts'
import type { Deal } from '../testing/deals.ts'
import { NETWORK, NOW } from '../testing/market.ts'
import { lineOf, makeStatement } from '../testing/statements.ts'
import { PACKAGE_KEPT_MS } from './audit-package.ts'
import { runPackages } from './run-packages.ts'
import { type AuditApp, openAuditApp } from './testing/audit-app.ts'

/** Opening a database takes seconds, on a machine that does other things as well. */
const STORES_MS = 180_000
vi.setConfig({ testTimeout: STORES_MS })

const DAY_MS = 86_400_000
const PERIOD = {
  from: new Date(NOW - DAY_MS).toISOString(),
  to: new Date(NOW + DAY_MS).toISOString(),
}

let opened: AuditApp
let one: Deal
/** Of the log before anything was settled. */
let remembered: string
beforeAll(async () => {
  opened = await openAuditApp()
  const { context, deal, parties } = opened
  remembered = (await context.store.logHead())?.note ?? ''
  one = deal()
  await ingest(context, [one.submission(0, 5), one.submission(1, 90_000, { final: 'completed' })])
  await ingest(context, [deal({ residency: { allow: ['FR'], minLevel: 3 } }).submission(0, 1)])
  const lines = [deal(), deal()].map((of) => of.submission(0, 3, { final: 'completed' }))
  await ingestStatements(context, [makeStatement(parties, lines.map(lineOf))])
  const policy = { format: 'toml', source: 'version = 1\nrules = []\n', activate: true }
  expect((await opened.call('POST', '/v1/policies', undefined, policy)).status).toBe(200)
}, 120_000)
afterAll(() => opened[Symbol.asyncDispose]())

/** Asks for a package, has it made, and fetches it. */
async function fetchPackage(more: object = {}, app = opened): Promise<Uint8Array> {
  const asked = await app.call('POST', '/v1/audit/packages', undefined, { ...PERIOD, ...more })
  expect(asked.status, JSON.stringify(asked.body)).toBe(200)
  expect(asked.body).toMatchObject({ state: 'waiting', done: 0, file: null })
  expect(await runPackages(app.context)).toEqual({ made: 1, failed: 0 })
  const { body } = await app.call('GET', `/v1/audit/packages/${asked.body.id}`)
  expect(body).toMatchObject({ state: 'done', failure: null })
  expect(body.done).toBe(body.total)
  const { status, raw } = await app.call('GET', body.file)
  expect(status).toBe(200)
  expect(raw.byteLength).toBe(body.bytes)
  return raw
}

const trust = (more: Partial<TrustRoots> = {}): TrustRoots => ({
  network: NETWORK,
  settlements: [opened.context.signer.peerId],
  attestors: [opened.context.signer.peerId],
  ...more,
})
const faults = ({ checks }: PackageReport) => checks.filter(({ status }) => status === 'failed')
const pathsOf = ({ checks }: PackageReport, folder: string) =>
  checks.map(({ path }) => path).filter((path) => path.startsWith(folder))

test('a package proves offline what was settled, refused and ruled', async () => {
  const { size } = parseCheckpoint(remembered)
  const report = verifyPackage(
    await fetchPackage({ since: size.toString() }),
    trust({ checkpoint: { note: remembered } }),
  )
  expect(faults(report)).toEqual([])
  expect(report.verified).toBe(true)
  expect(report.manifest).toMatchObject({ source: 'settlement', subject: opened.organization })
  expect(pathsOf(report, 'sessions/')).toEqual([`sessions/${one.session}.cbor`])
  expect(pathsOf(report, 'statements/')).toHaveLength(1)
  expect(pathsOf(report, 'policies/')).toEqual(['policies/version-1.toml'])
  expect(pathsOf(report, 'summary')).toEqual(['summary.de.pdf', 'summary.en.pdf'])
  const told = report.checks.map(({ detail }) => detail).join('\n')
  for (const kind of [
    'receipt-settled',
    'statement-settled',
    'policy-violation',
    'policy-changed',
  ]) {
    expect(told).toContain(kind)
  }
  expect(told).toContain('only grew since the checkpoint given')
})

test('a byte that was changed anywhere in it is shown', async () => {
  const good = await fetchPackage()
  // Every byte of a package this size would take minutes: strides without a common divisor reach each part of it.
  for (let at = 0; at < good.byteLength; at += 997) {
    const bad = good.slice()
    bad[at] = (bad[at] ?? 0) ^ 1
    const report = verifyPackage(bad, trust())
    expect(report.verified, `at ${at}`).toBe(false)
    expect(faults(report).length).toBeGreaterThan(0)
  }
}, 120_000)

test('other programs open it and find its hashes right', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hanse-package-'))
  try {
    await writeFile(join(folder, 'evidence.zip'), await fetchPackage())
    const run = promisify(execFile)
    const unpack = [
      'import sys, zipfile, hashlib',
      "z = zipfile.ZipFile('evidence.zip')",
      'assert z.testzip() is None',
      "for line in z.read('SHA256SUMS').decode().splitlines():",
      "    digest, name = line.split('  ')",
      '    assert hashlib.sha256(z.read(name)).hexdigest() == digest, name',
      "print(z.read('summary.de.pdf')[:5].decode())",
    ].join('\n')
    const { stdout } = await run('python3', ['-c', unpack], { cwd: folder })
    expect(stdout.trim()).toBe('%PDF-')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('single sessions can be asked for, and nothing else is in it', async () => {
  const report = verifyPackage(await fetchPackage({ sessions: [one.session] }), trust())
  expect(report.verified).toBe(true)
  expect(pathsOf(report, 'events/')).toHaveLength(2)
  expect(pathsOf(report, 'statements/')).toEqual([])
})

test('who asks for something else than a period or sessions is told', async () => {
  const ask = async (payload: object) =>
    (await opened.call('POST', '/v1/audit/packages', undefined, payload)).status
  expect(await ask({ from: PERIOD.to, to: PERIOD.from })).toBe(400)
  expect(await ask({ ...PERIOD, from: '2020-01-01T00:00:00Z' })).toBe(400)
  expect(await ask({ ...PERIOD, sessions: ['not a session'] })).toBe(400)
})

test('so many are made at once, and then no more', async () => {
  await using app = await openAuditApp()
  const ask = () => app.call('POST', '/v1/audit/packages', undefined, PERIOD)
  for (let i = 0; i < 5; i++) expect((await ask()).status).toBe(200)
  const refused = await ask()
  expect(refused).toMatchObject({ status: 429, body: { code: 'HANSE_AUDIT_PACKAGES_BUSY' } })
  expect(await runPackages(app.context)).toEqual({ made: 5, failed: 0 })
  expect((await ask()).status).toBe(200)
})

test('a package is its organization’s, and an auditor may ask for it', async () => {
  const { context, organization } = opened
  const auditor = await addMemberOf(context, organization, 'auditor')
  const { status, body } = await opened.call('POST', '/v1/audit/packages', auditor.headers, PERIOD)
  expect(status).toBe(200)
  const other = await addOrganization(context, 'Another')
  for (const url of [`/v1/audit/packages/${body.id}`, `/v1/audit/packages/${body.id}/file`]) {
    expect((await opened.call('GET', url, other.key)).status).toBe(404)
  }
  expect((await opened.call('GET', '/v1/audit/packages', other.key)).body.packages).toEqual([])
  // Made by nobody yet: there is no file.
  expect((await opened.call('GET', `/v1/audit/packages/${body.id}/file`)).status).toBe(404)
  await runPackages(context)
})

test('a maker that died is followed by another, and says nothing any more', async () => {
  const { context } = opened
  const { store } = context
  const asked = await opened.call('POST', '/v1/audit/packages', undefined, PERIOD)
  const dead = await store.claimAuditPackage(context.now(), 60_000)
  expect(dead?.id).toBe(asked.body.id)
  expect(await runPackages(context)).toEqual({ made: 0, failed: 0 })
  context.clock.now += 60_000
  expect(await runPackages(context)).toEqual({ made: 1, failed: 0 })
  if (dead === undefined) throw new Error('nothing was claimed')
  const progress = { done: 1, total: 2 }
  expect(await store.tellAuditPackage(dead.id, dead.attempt, progress)).toBe(false)
  await store.endAuditPackage(dead, 'late', context.now())
  const { body } = await opened.call('GET', `/v1/audit/packages/${asked.body.id}`)
  expect(body).toMatchObject({ state: 'done', failure: null })
})

test('it is kept for a week, and not readable once the organization’s key was destroyed', async () => {
  await using app = await openAuditApp()
  const { context, organization } = app
  const { store } = context
  await fetchPackage({}, app)
  await fetchPackage({}, app)
  const { body } = await app.call('GET', '/v1/audit/packages')
  const [newest, older] = body.packages
  const { rows } = await store.executeSql('select encode(content, $1) as hex from audit_package', [
    'hex',
  ])
  const clear = Buffer.from('manifest.cbor').toString('hex')
  for (const row of rows as { hex: string }[]) expect(row.hex).not.toContain(clear)

  await store.eraseSubject(ownerOf('organization', organization), context.now())
  expect((await app.call('GET', newest.file)).status).toBe(404)
  context.clock.now += PACKAGE_KEPT_MS
  expect((await app.call('GET', older.file)).status).toBe(404)
  expect(await store.forgetAuditPackages(context.now())).toBe(2)
  expect(await store.forgetAuditPackages(context.now())).toBe(0)
})
