import { inflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { addMemberOf, addOrganization } from '../access/testing/people.ts'
import { dataProtectionOption, dataProtectionSetting } from '../config/data-protection.ts'
import type { SettlementContext } from '../context.ts'
import { sellerOf } from '../documents/seller.ts'
import { ingest } from '../receipts/ingest.ts'
import { RETENTION_CLASSES } from '../retention/classes.ts'
import { PURPOSES } from '../rights/register/index.ts'
import { makeDeal, newSigner } from '../testing/deals.ts'
import { addTenant, CENT, hold, NETWORK } from '../testing/market.ts'
import { DEFAULT_COMPLIANCE } from './compliance-terms.ts'
import { installationFacts } from './installation-facts.ts'
import { measuresOf } from './measures.ts'
import { processingRecords } from './records.ts'
import { recordsReport } from './records-report.ts'
import { reportMarkdown } from './report.ts'
import { COMPLIANCE_WORDS } from './words.ts'

const SELLER = {
  name: 'Betreiber | GmbH',
  street: 'Hafen 1',
  postalCode: '20457',
  city: 'Hamburg',
  country: 'DE',
  vatId: 'DE123456789',
} as const

let opened: AccessApp
beforeAll(async () => {
  opened = await openAccessApp()
}, 180_000)
afterAll(() => opened?.[Symbol.asyncDispose]())

const inUse = (facts: Partial<(typeof DEFAULT_COMPLIANCE)['facts']>, more = {}) =>
  ({
    ...opened.context,
    seller: sellerOf(SELLER, 'op'),
    compliance: {
      ...DEFAULT_COMPLIANCE,
      facts: { ...DEFAULT_COMPLIANCE.facts, ...facts },
      ...more,
    },
  }) satisfies SettlementContext

async function sell(country: string): Promise<void> {
  const { context } = opened
  const { store, now } = context
  const provider = newSigner()
  const { peerId } = provider
  await store.addProvider({ peerId, country, feeBps: 0, binding: new Uint8Array(1), at: now() })
  await store.setProviderAccount(peerId, `acct_${peerId.slice(-12)}`)
  await store.setProviderPayable(peerId, true, now())
  const tenant = await addTenant(context, 100n)
  const authorization = await hold(context, tenant, provider, 10n * CENT)
  const terms = { network: NETWORK, consumer: tenant.consumer, provider, at: now() }
  expect(
    await ingest(context, [makeDeal({ ...terms, authorization }).submission(0, 5)]),
  ).toMatchObject([{ status: 'booked' }])
}

describe('records of processing', () => {
  test('name whoever got data, and which of them are outside the EEA, from live data', async () => {
    for (const country of ['DE', 'DE', 'US']) await sell(country)
    const dataProtection = dataProtectionSetting.parse({
      officer: 'Dr. Schutz',
      hosting: { name: 'Rechenzentrum', country: 'FI' },
      recipients: [
        { name: 'Helpdesk Inc.', country: 'US', purpose: 'support', safeguard: 'SCC 2021/914' },
      ],
    })
    const facts = { stripe: 'stripe', mailHost: 'smtp.example.org', witnesses: 2 } as const
    const records = await processingRecords(inUse(facts, { dataProtection }))
    expect(
      records.recipients.map(({ kind, country, sessions }) => [kind, country, sessions]),
    ).toEqual([
      ['payments', 'IE', null],
      ['hosting', 'FI', null],
      ['mail', null, null],
      ['vat-register', 'BE', null],
      ['log-witness', null, null],
      ['named', 'US', null],
      ['provider', 'DE', 2],
      ['provider', 'US', 1],
    ])
    expect(records.transfers.map(({ kind, country }) => [kind, country])).toEqual([
      ['named', 'US'],
      ['provider', 'US'],
    ])
    expect(records.contact).toMatchObject({ officer: 'Dr. Schutz', telephone: null })
    expect(records).toMatchObject({ test: false, controller: { name: 'Betreiber | GmbH' } })
    // Without Stripe and mail nobody gets what only they would.
    const fewer = await processingRecords(opened.context)
    expect(fewer.recipients.map(({ kind }) => kind)).toEqual(['hosting', 'provider', 'provider'])
    expect(fewer.test).toBe(true)
    // Who was last used long ago is a recipient no more.
    const later = { ...opened.context, now: () => opened.context.clock.now + 91 * 86_400_000 }
    expect((await processingRecords(later)).recipients.map(({ kind }) => kind)).toEqual(['hosting'])
  })

  test('have every purpose of the register, and the periods that are set', async () => {
    const records = await processingRecords(inUse({}, { retention: { 'sign-ins': 7 } }))
    expect(records.processings.map(({ purpose }) => purpose)).toEqual(Object.keys(PURPOSES))
    for (const { purpose, tables, retention } of records.processings) {
      expect([purpose, tables.length > 0, retention.length > 0]).toEqual([purpose, true, true])
    }
    expect(records.retention).toHaveLength(RETENTION_CLASSES.length)
    expect(records.retention.find(({ name }) => name === 'sign-ins')?.days).toBe(7)
    const payments = records.processings.find(({ purpose }) => purpose === 'payments')
    expect(payments).toMatchObject({
      subjects: ['organization'],
      bases: expect.arrayContaining(['contract']),
    })
  })

  test('say of a measure that it is off where it is', () => {
    const states = (context: SettlementContext) =>
      Object.fromEntries(measuresOf(context).map(({ name, isOn }) => [name, isOn]))
    const bare = states(inUse({ databaseTls: false }))
    expect(bare).toMatchObject({
      'transport-api': false,
      'transport-database': false,
      'transport-mail': false,
      'disk-encryption': false,
      'log-witnesses': false,
      'residency-landmarks': false,
      'payout-approval': false,
      'live-payments': false,
      'access-log': true,
    })
    const all = states({
      ...inUse({
        databaseTls: true,
        mailHost: 'm',
        mailTls: true,
        witnesses: 1,
        landmarks: 3,
        approval: true,
        stripe: 'stripe',
      }),
      publicUrl: () => 'https://hanse.example',
    })
    expect(Object.entries(all).filter(([, isOn]) => !isOn)).toEqual([
      ['disk-encryption', false],
      // A test has no log.
      ['transparency-log', false],
    ])
  })
})

test.each([
  ['postgres://u:p@db.example/h', false],
  ['postgres://u:p@db.example/h?sslmode=prefer', false],
  ['postgres://u:p@db.example/h?sslmode=verify-full', true],
  ['postgres://u:p@127.0.0.1/h', true],
  ['postgres:///h?host=/run/postgresql', true],
  ['no address', false],
])('a connection to %s counts as encrypted or local: %s', (databaseUrl, databaseTls) => {
  expect(installationFacts({ databaseUrl })).toMatchObject({ database: 'postgresql', databaseTls })
})

test('contacts come as a table or as JSON, and a wrong one is named', () => {
  const parsed = dataProtectionOption.parse('{"officerEmail":"dsb@example.org"}')
  expect(parsed).toEqual({ officerEmail: 'dsb@example.org', recipients: [], measures: [] })
  expect(dataProtectionOption.parse({ 'officer-email': 'x' })).toMatchObject({ officerEmail: 'x' })
  for (const wrong of ['{', '{"officers":"x"}', '{"hosting":{"name":"x","country":"XX"}}']) {
    expect(dataProtectionOption.safeParse(wrong).success).toBe(false)
  }
})

describe('files', () => {
  const get = async (url: string, headers: Record<string, string> = {}) =>
    opened.app.inject({ method: 'GET', url, headers })

  test('German and English say the same of every row, and nothing is left unsaid in one of them', async () => {
    const records = await processingRecords(opened.context)
    const [english, german] = [recordsReport(records, 'en'), recordsReport(records, 'de')]
    expect(german.blocks.map(({ kind }) => kind)).toEqual(english.blocks.map(({ kind }) => kind))
    const rows = ({ blocks }: typeof english) =>
      blocks.map((block) => (block.kind === 'table' ? block.rows.length : 0))
    expect(rows(german)).toEqual(rows(english))
    for (const group of [
      'purposes',
      'bases',
      'subjects',
      'data',
      'recipients',
      'measures',
    ] as const) {
      const [de, en] = [COMPLIANCE_WORDS.de[group], COMPLIANCE_WORDS.en[group]]
      expect(Object.keys(de)).toEqual(Object.keys(en))
      expect(Object.values(de)).not.toContain('')
    }
  })

  test('what an operator typed is text in Markdown, and breaks no table', async () => {
    const dataProtection = dataProtectionSetting.parse({ officer: '<b>*x*</b>\n# y' })
    const text = reportMarkdown(
      recordsReport(await processingRecords(inUse({}, { dataProtection })), 'de'),
    )
    expect(text).toContain('| Name | Betreiber \\| GmbH |')
    expect(text).toContain('\\<b\\>\\*x\\*\\</b\\> # y')
    expect(text).toContain('Verzeichnis von Verarbeitungstätigkeiten')
  })

  test('records are for operators, the annex for customers, the notice for everybody', async () => {
    const { organization, key } = await addOrganization(opened.context)
    const member = await addMemberOf(opened.context, organization, 'developer')
    const records = '/v1/compliance/records/file?lang=de&format=pdf'
    expect((await get(records)).statusCode).toBe(401)
    expect((await get(records, key)).statusCode).toBe(401)
    const pdf = await get(records, ROOT)
    expect(pdf.headers['content-type']).toBe('application/pdf')
    expect(pdf.rawPayload.subarray(0, 5).toString()).toBe('%PDF-')
    expect(inflated(pdf.rawPayload)).toBeGreaterThan(2)
    expect((await get(records, ROOT)).rawPayload.equals(pdf.rawPayload)).toBe(true)

    expect((await get('/v1/compliance/annex/file')).statusCode).toBe(401)
    const annex = await get('/v1/compliance/annex/file?lang=de', member.headers)
    expect(annex.body).toContain('Auftragsverarbeitungsvertrag')
    const notice = await get('/v1/compliance/notice/file')
    expect(notice.body).toContain('x-hanse-notice')
    expect(notice.body).toContain('Art. 50')
    // How much is used where is nobody else's.
    for (const { body } of [annex, notice]) expect(body).not.toMatch(/\d (?:sessions|Sitzungen)/u)
    expect((await get('/v1/compliance/records', ROOT)).json()).toMatchObject({ test: true })
  })

  /** How many pages and images there is something to see on. */
  const inflated = (pdf: Buffer): number =>
    [...pdf.toString('latin1').matchAll(/stream\r?\n([\s\S]*?)\r?\nendstream/gu)].filter(
      ([, data]) => {
        try {
          return inflateSync(Buffer.from(data ?? '', 'latin1')).length > 100
        } catch {
          return false
        }
      },
    ).length
})
