import { PICO_PER_EURO } from '@hanse/protocol'
import { Decimal } from 'decimal.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { readDocument } from '../documents/document-schema.ts'
import { issueDue } from '../documents/issue-due.ts'
import { sellerOf } from '../documents/seller.ts'
import { ingest } from '../receipts/ingest.ts'
import { openTestStore } from '../testing/database-template.ts'
import { makeDeal } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  hold,
  NETWORK,
  NOW,
  type TestContext,
  testContext,
} from '../testing/market.ts'
import { focusCsv, focusRows } from './export-focus.ts'
import { FOCUS_COLUMNS, type FocusColumn, type FocusRow } from './focus-columns.ts'
import { documentRows } from './focus-rows.ts'

const DAY_MS = 86_400_000
const SELLER = {
  name: 'Hanse, Betriebs "GmbH"',
  street: 'Speicherstraße 7',
  postalCode: '20457',
  city: 'Hamburg',
  country: 'DE',
  vatId: 'DE123456789',
} as const

/** What the specification says of each column, in words of our own: who may be empty, and what else is in it. */
const DECIMAL = /^-?\d+(?:\.\d+)?$/u
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u
const TEXT = /^.+$/u
const ofUsage = (row: FocusRow) => row.ChargeCategory === 'Usage'
const priced = (row: FocusRow) => row.ChargeCategory !== 'Tax' && row.ChargeClass === null
const always = () => true
const never = () => false
const RULES: Record<FocusColumn, readonly [form: RegExp, required: (row: FocusRow) => boolean]> = {
  BilledCost: [DECIMAL, always],
  BillingAccountId: [TEXT, always],
  BillingAccountName: [TEXT, never],
  BillingAccountType: [TEXT, always],
  BillingCurrency: [/^[A-Z]{3}$/u, always],
  BillingPeriodEnd: [TIME, always],
  BillingPeriodStart: [TIME, always],
  ChargeCategory: [/^(?:Usage|Purchase|Tax|Credit|Adjustment)$/u, always],
  ChargeClass: [/^Correction$/u, never],
  ChargeDescription: [TEXT, always],
  ChargeFrequency: [/^(?:One-Time|Recurring|Usage-Based)$/u, always],
  ChargePeriodEnd: [TIME, always],
  ChargePeriodStart: [TIME, always],
  ConsumedQuantity: [DECIMAL, ofUsage],
  ConsumedUnit: [TEXT, ofUsage],
  ContractedCost: [DECIMAL, always],
  EffectiveCost: [DECIMAL, always],
  HostProviderName: [TEXT, ofUsage],
  InvoiceId: [TEXT, (row) => !ofUsage(row)],
  InvoiceIssuerName: [TEXT, always],
  ListCost: [DECIMAL, always],
  PricingCategory: [/^(?:Standard|Dynamic|Committed|Other)$/u, priced],
  PricingCurrency: [/^[A-Z]{3}$/u, always],
  PricingQuantity: [DECIMAL, priced],
  PricingUnit: [TEXT, priced],
  ProviderName: [TEXT, always],
  PublisherName: [TEXT, always],
  RegionId: [/^[A-Z]{2}$/u, never],
  RegionName: [TEXT, (row) => row.RegionId !== null],
  ServiceCategory: [/^AI and Machine Learning$/u, always],
  ServiceName: [TEXT, always],
  ServiceProviderName: [TEXT, always],
  ServiceSubcategory: [/^Generative AI$/u, always],
  SkuId: [TEXT, priced],
  SkuMeter: [TEXT, ofUsage],
  SkuPriceId: [TEXT, priced],
  Tags: [/^\{.*\}$/u, always],
  x_CachedInputTokens: [/^\d+$/u, ofUsage],
  x_InputTokens: [/^\d+$/u, ofUsage],
  x_OutputTokens: [/^\d+$/u, ofUsage],
  x_Sessions: [/^\d+$/u, ofUsage],
}

function check(row: FocusRow): void {
  for (const column of FOCUS_COLUMNS) {
    const [form, isRequired] = RULES[column]
    const value = row[column]
    if (value === null) expect([column, isRequired(row)]).toEqual([column, false])
    else expect(`${column} ${value}`).toMatch(new RegExp(`^${column} ${form.source.slice(1)}`, 'u'))
  }
  expect(row.ChargePeriodStart ?? '').toMatch(/T00:00:00Z$/u)
  expect(Date.parse(row.ChargePeriodEnd ?? '') - Date.parse(row.ChargePeriodStart ?? '')).toBe(
    DAY_MS,
  )
  expect((row.BillingPeriodStart ?? '') <= (row.ChargePeriodStart ?? '')).toBe(true)
  expect((row.ChargePeriodEnd ?? '') <= (row.BillingPeriodEnd ?? '')).toBe(true)
  // A unit is said exactly where there is a quantity.
  expect(row.PricingUnit === null).toBe(row.PricingQuantity === null)
  expect(row.ConsumedUnit === null).toBe(row.ConsumedQuantity === null)
}

let store: SettlementStore
let context: TestContext
beforeAll(async () => {
  store = await openTestStore()
  const seller = sellerOf(SELLER, 'operator')
  context = { ...testContext(store), seller }
  context.clock.now = NOW
})
afterAll(() => store.close())

const sum = (rows: readonly FocusRow[], column: 'BilledCost' | 'EffectiveCost') =>
  rows.reduce((total, row) => total.plus(row[column] ?? 0), new Decimal(0))

async function exported(organization: string) {
  const parties = {
    organization,
    organizationName: 'Ärzte & "Co", Lübeck',
    operatorName: SELLER.name,
  }
  const from = Math.floor(NOW / DAY_MS) * DAY_MS - 2 * DAY_MS
  const rows: FocusRow[] = []
  for await (const row of focusRows(context, parties, { from, to: from + 4 * DAY_MS }))
    rows.push(row)
  return rows
}

async function customer() {
  const tenant = await addTenant(context, 1_000n)
  for (let i = 0; i < 2; i++) {
    const provider = await addProvider(context)
    const authorization = await hold(context, tenant, provider, 100n * CENT, 60_000)
    const terms = { network: NETWORK, consumer: tenant.consumer, provider, authorization, at: NOW }
    await ingest(
      context,
      Array.from({ length: 3 }, (_, n) => makeDeal(terms).submission(0, n + i)),
    )
  }
  while ((await store.rollUpUsage()).receipts > 0);
  await issueDue(context)
  return tenant
}

test('every row keeps to the specification, column by column', async () => {
  const { organization } = await customer()
  const rows = await exported(organization)
  expect(new Set(rows.map(({ ChargeCategory }) => ChargeCategory))).toContain('Usage')
  expect(rows.length).toBeGreaterThanOrEqual(3)
  for (const row of rows) check(row)
})

test('usage with other tags is a row of its own, and the rows add up to the same', async () => {
  const tenant = await customer()
  const before = (await exported(tenant.organization)).filter(ofUsage)
  const { rows: sessions } = await store.executeSql(
    'select session from settled_session where organization = $1 order by session limit 1',
    [tenant.organization],
  )
  const [{ session } = { session: '' }] = sessions as { session: string }[]
  const given = { session, tags: ['team:web', 'trial'], user: '', firstMs: null, totalMs: null }
  await store.keepNotes(tenant.consumer.peerId, [{ ...given, receipt: null, receiptAt: null }], NOW)
  await store.takeNotes(NOW)
  const after = (await exported(tenant.organization)).filter(ofUsage)
  expect(after).toHaveLength(before.length + 1)
  for (const row of after) check(row)
  expect(after.map(({ Tags }) => String(Tags)).sort()).toEqual([
    '{"team":"web","trial":true}',
    ...before.map(() => '{}'),
  ])
  expect(sum(after, 'EffectiveCost').eq(sum(before, 'EffectiveCost'))).toBe(true)
})

test('what is effective is what was used, and what is billed is what the invoices ask for', async () => {
  const tenant = await customer()
  const rows = await exported(tenant.organization)
  const usage = await store.usage({
    organization: tenant.organization,
    from: Math.floor(NOW / DAY_MS) * DAY_MS,
    to: Math.floor(NOW / DAY_MS) * DAY_MS + DAY_MS,
    group: 'day',
    limit: 1,
  })
  const used = rows.filter(({ ChargeCategory }) => ChargeCategory === 'Usage')
  expect(used).toHaveLength(2)
  expect(sum(used, 'EffectiveCost').times(PICO_PER_EURO.toString()).toFixed()).toBe(
    usage[0]?.amount.toString(),
  )
  expect(sum(used, 'BilledCost').isZero()).toBe(true)
  const documents = await store.documents({ organization: tenant.organization, limit: 100 })
  const bills = documents.map(({ figures }) => readDocument(figures))
  expect(bills.length).toBeGreaterThan(0)
  for (const { number, totals } of bills) {
    const billed = rows.filter(({ InvoiceId }) => InvoiceId === number)
    expect(sum(billed, 'BilledCost').times(100).toFixed()).toBe(totals.grossCents.toString())
  }
})

test('a credit note takes back what its invoice asked for', async () => {
  const { organization } = await customer()
  const [stored] = await store.documents({ organization, kind: 'advance-invoice', limit: 1 })
  if (stored === undefined) throw new Error('an invoice was issued')
  const invoice = readDocument(stored.figures)
  const note = { ...invoice, kind: 'credit-note', number: 'CN-1' } as const
  const parties = { organization, organizationName: 'x', operatorName: 'y' }
  const [asked, back] = [documentRows(parties, invoice), documentRows(parties, note)]
  for (const row of back) check(row)
  expect(sum([...asked, ...back], 'BilledCost').isZero()).toBe(true)
  expect(back.every(({ ChargeClass }) => ChargeClass === 'Correction')).toBe(true)
})

test('as CSV it has one header, and names with commas and quotes come back as they were', async () => {
  const { organization } = await customer()
  const rows = await exported(organization)
  async function* all() {
    yield* rows
  }
  let csv = ''
  for await (const line of focusCsv(all())) csv += line
  const lines = csv.split('\r\n')
  expect(lines[0]).toBe(FOCUS_COLUMNS.join(','))
  expect(lines).toHaveLength(rows.length + 2)
  expect(lines[1]).toContain('"Ärzte & ""Co"", Lübeck"')
  expect(lines[1]).toContain('"Hanse, Betriebs ""GmbH"""')
})
