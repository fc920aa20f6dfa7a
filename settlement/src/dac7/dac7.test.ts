import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { create } from 'xmlbuilder2'
import type { PGliteStore } from '../db/pglite.ts'
import { sellerOf } from '../documents/seller.ts'
import { ingest } from '../receipts/ingest.ts'
import { openTestStore } from '../testing/database-template.ts'
import { makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK, testContext } from '../testing/market.ts'
import { CERTIFICATION, traderDeclarationSchema } from '../traders/declaration.ts'
import { dac7Report } from './make-report.ts'
import { dac7Csv } from './render-csv.ts'
import { dac7Xml } from './render-xml.ts'
import { reportedQuarters } from './seller-year.ts'

const HOUR_MS = 3_600_000
const SELLER = {
  name: 'Betreiber & Söhne GmbH',
  street: 'Hafen 1',
  postalCode: '20457',
  city: 'Hamburg',
  country: 'DE',
  vatId: 'DE123456789',
  taxNumber: '22/123/45678',
} as const

let store: PGliteStore
beforeAll(async () => {
  store = await openTestStore()
}, 180_000)
afterAll(() => store.close())

/** A stream of numbers that is the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % below
  }
}

const tokensCost = (outputTokens: number): bigint =>
  10n * 100_000n + BigInt(outputTokens) * 200_000n
const feeOf = (amount: bigint): bigint => (amount * 2500n) / 10_000n

describe('a year of sellers', () => {
  test('is what its sessions come to, by quarter, to the last pico-euro', {
    timeout: 120_000,
  }, async () => {
    const context = { ...testContext(store), seller: sellerOf(SELLER, 'op') }
    const tenant = await addTenant(context, 100_000n)
    const next = numbers(7)
    const providers = [await addProvider(context), await addProvider(context)]
    /** What was put together here, apart from anything that settlement derives. */
    const expected = new Map(
      providers.map(({ peerId }) => [
        peerId as string,
        [0, 1, 2, 3].map(() => ({ earned: 0n, fees: 0n, sessions: 0 })),
      ]),
    )
    const edges = [0, 3, 6, 9, 12].map((month) => Date.UTC(2027, month))
    for (let i = 0; i < 24; i++) {
      const provider = providers[next(2)]
      const quarter = next(4)
      const start = edges[quarter] ?? 0
      const end = edges[quarter + 1] ?? 0
      if (provider === undefined) throw new Error('no provider')
      // Every third session begins in one quarter and goes on in the next one.
      const isStraddling = i % 3 === 0
      const at = isStraddling ? end - HOUR_MS / 2 : start + next(end - start - 3 * HOUR_MS)
      context.clock.now = at
      const authorization = await hold(context, tenant, provider, 50n * CENT, 2 * HOUR_MS)
      const deal = makeDeal({
        network: NETWORK,
        consumer: tenant.consumer,
        provider,
        at,
        authorization,
      })
      let before = { earned: 0n, fees: 0n }
      let tokens = 0
      for (const [sequence, moment] of [at, at + HOUR_MS].entries()) {
        context.clock.now = moment
        tokens += 1 + next(700_000)
        const [booked] = await ingest(context, [deal.submission(sequence, tokens)])
        expect(booked).toMatchObject({ status: 'booked' })
        const amount = tokensCost(tokens)
        const after = { earned: amount - feeOf(amount), fees: feeOf(amount) }
        const seen = edges.findLastIndex((edge) => edge <= moment)
        const sum = expected.get(provider.peerId)?.[seen]
        if (sum !== undefined) {
          sum.earned += after.earned - before.earned
          sum.fees += after.fees - before.fees
          // A session counts in each quarter in which it earned.
          if (sequence === 0 || isStraddling) sum.sessions++
        }
        before = after
      }
    }
    context.clock.now = Date.UTC(2028, 0, 20)
    const report = await dac7Report(context, 2027)
    expect(report.sellers.map(({ provider }) => provider).toSorted()).toEqual(
      [...expected]
        .filter(([, sums]) => sums.some(({ earned }) => earned > 0n))
        .map(([id]) => id)
        .toSorted(),
    )
    for (const { provider, quarters, totals, exact } of report.sellers) {
      const sums = expected.get(provider) ?? []
      const total = (pick: (sum: (typeof sums)[number]) => bigint) =>
        sums.reduce((a, one) => a + pick(one), 0n)
      expect(exact).toEqual({
        consideration: total((one) => one.earned),
        fees: total((one) => one.fees),
      })
      expect(quarters.map(({ activities }) => activities)).toEqual(
        sums.map(({ sessions }) => sessions),
      )
      const cents = (pico: bigint) => (pico + 5_000_000_000n) / 10_000_000_000n
      expect(totals.considerationCents).toBe(cents(exact.consideration))
      expect(totals.feesCents).toBe(cents(exact.fees))
      expect(quarters.reduce((a, one) => a + one.considerationCents, 0n)).toBe(
        totals.considerationCents,
      )
      for (const [i, { considerationCents }] of quarters.entries()) {
        const off = considerationCents * 10_000_000_000n - (sums[i]?.earned ?? 0n)
        expect(off < 10_000_000_000n && off > -10_000_000_000n).toBe(true)
      }
    }
    // The next year has nothing but what straddled into it.
    const after = await dac7Report(context, 2028)
    const straddled = [...expected.keys()].length
    expect(after.sellers.length).toBeLessThanOrEqual(straddled)
    const [one] = providers
    const alone = await dac7Report(context, 2027, one?.peerId)
    expect(alone.sellers).toEqual(report.sellers.filter(({ provider }) => provider === one?.peerId))
  })

  test('an adjustment of two operators changes what was credited', async () => {
    const context = testContext(store)
    context.clock.now = Date.UTC(2029, 4, 5)
    const provider = await addProvider(context)
    const at = context.now()
    const { id } = await store.proposeAdjustment({
      id: 'ad-dac7',
      kind: 'adjustment',
      debit: 'losses/platform',
      credit: `payable/${provider.peerId}`,
      amount: 123n * CENT,
      reason: 'r',
      movement: null,
      proposedBy: 'anna',
      proposedAt: at,
      expiresAt: at + HOUR_MS,
    })
    expect((await dac7Report(context, 2029)).sellers).toEqual([])
    await store.approveAdjustment({ id, by: 'ben', note: null, at })
    const [seller] = (await dac7Report(context, 2029)).sellers
    expect(seller?.quarters.map(({ considerationCents }) => considerationCents)).toEqual([
      0n,
      123n,
      0n,
      0n,
    ])
    expect(seller?.totals).toMatchObject({ activities: 0, considerationCents: 123n, feesCents: 0n })
  })
})

test('the cents of the quarters are those of the year, whatever is less than a cent', () => {
  const half = 5_000_000_000n
  const facts = ([0, 1, 2, 3] as const).map((quarter) => ({
    quarter,
    activities: 1,
    gross: 2n * half,
    earned: half,
    adjusted: 0n,
  }))
  const { quarters, totals } = reportedQuarters(facts)
  expect(quarters.map(({ considerationCents }) => considerationCents)).toEqual([1n, 0n, 1n, 0n])
  expect(totals.considerationCents).toBe(2n)
  const negative = reportedQuarters([
    { ...facts[0], quarter: 0, activities: 0, gross: 0n, earned: 0n, adjusted: -half },
  ])
  expect(negative.totals.considerationCents).toBe(0n)
})

describe('files', () => {
  const named = async () => {
    const context = { ...testContext(store), seller: sellerOf(SELLER, 'op') }
    context.clock.now = Date.UTC(2030, 1, 1)
    const tenant = await addTenant(context, 10_000n)
    const [business, person, silent] = [
      await addProvider(context),
      await addProvider(context),
      await addProvider(context),
    ]
    const address = { street: 'R. 1', postalCode: '1000', city: 'Lisboa', country: 'PT' }
    await store.setProviderProfile(
      business.peerId,
      { ...address, kind: 'business', name: '<GPU> & Filhos', vatId: 'PT123456789' },
      context.now(),
    )
    await store.setProviderProfile(
      person.peerId,
      { ...address, kind: 'private', name: 'Ana Dias', country: 'AT' },
      context.now(),
    )
    const said = traderDeclarationSchema.parse({
      telephone: '+351912345678',
      email: 'a@b.example',
      certification: CERTIFICATION,
      tins: [{ country: 'AT', tin: '12-345/6789' }],
      person: { firstName: 'Ana', lastName: 'Dias', birthDate: '1990-01-02', birthPlace: 'Wien' },
    })
    await store.setTrader(person.peerId, said, context.now())
    for (const provider of [business, person, silent]) {
      const authorization = await hold(context, tenant, provider, 100n * CENT)
      const deal = makeDeal({
        network: NETWORK,
        consumer: tenant.consumer,
        provider,
        at: context.now(),
        authorization,
      })
      expect(await ingest(context, [deal.submission(0, 1_000_000)])).toMatchObject([
        { status: 'booked' },
      ])
    }
    return { report: await dac7Report(context, 2030), business, person, silent }
  }

  test('XML has the shape of the DPI schema, and says what nobody has said', async () => {
    const { report, silent } = await named()
    const xml = dac7Xml(report)
    const read = create(xml).end({ format: 'object' }) as Record<string, Record<string, unknown>>
    const root = read['dpi:DPI_OECD'] ?? {}
    expect(root).toMatchObject({
      '@xmlns:dpi': 'urn:oecd:ties:dpi:v1',
      '@version': '1.0',
      'dpi:MessageSpec': {
        'dpi:SendingEntityIN': 'op',
        'dpi:TransmittingCountry': 'DE',
        'dpi:MessageType': 'DPI',
        'dpi:MessageTypeIndic': 'DPI401',
        'dpi:ReportingPeriod': '2030-12-31',
        'dpi:Timestamp': '2030-02-01T00:00:00',
      },
      'dpi:DPIBody': {
        'dpi:PlatformOperator': {
          'dpi:TIN': { '@issuedBy': 'DE', '#': '22/123/45678' },
          'dpi:VAT': 'DE123456789',
          'dpi:Name': 'Betreiber &amp; Söhne GmbH',
        },
      },
    })
    const sellers = (root['dpi:DPIBody'] as Record<string, object[]>)['dpi:ReportableSeller'] ?? []
    expect(sellers).toHaveLength(3)
    // 10 tokens in and a million out come to 20.0000 cents, a quarter less.
    const activities = {
      'dpi:RelevantActivities': {
        'dpi:PersonalServices': {
          'dpi:Consideration': { 'dpi:ConsQ1': { '@currCode': 'EUR', '#': '0' } },
          'dpi:NumberOfActivities': { 'dpi:NumbQ1': '1', 'dpi:NumbQ2': '0' },
          'dpi:Fees': { 'dpi:FeesQ1': { '@currCode': 'EUR', '#': '0' } },
          'dpi:Taxes': { 'dpi:TaxQ4': { '@currCode': 'EUR', '#': '0' } },
        },
      },
      'dpi:DocSpec': { 'stf:DocTypeIndic': 'OECD1' },
    }
    for (const seller of sellers) expect(seller).toMatchObject(activities)
    expect(sellers).toContainEqual(
      expect.objectContaining({
        'dpi:Identity': {
          'dpi:IndividualSeller': {
            'dpi:Standard': {
              'dpi:IndSellerID': expect.objectContaining({
                'dpi:TIN': { '@issuedBy': 'AT', '#': '12-345/6789' },
                'dpi:Name': { 'dpi:FirstName': 'Ana', 'dpi:LastName': 'Dias' },
                'dpi:BirthInfo': expect.objectContaining({ 'dpi:BirthDate': '1990-01-02' }),
              }),
            },
          },
        },
      }),
    )
    expect(sellers).toContainEqual(
      expect.objectContaining({
        'dpi:Identity': {
          'dpi:EntitySeller': {
            'dpi:Standard': {
              'dpi:EntSellerID': expect.objectContaining({
                'dpi:Name': silent.peerId,
                'dpi:TIN': { '@unknown': 'true', '#': 'NOTIN' },
              }),
            },
          },
        },
      }),
    )
    expect(xml).toContain('&lt;GPU&gt; &amp; Filhos')
    expect(dac7Xml({ ...report, sellers: [], test: true })).toMatch(/DPI403[\s\S]*OECD11/u)
  })

  test('CSV has the cents, and a name is no formula', async () => {
    const { report, business, person } = await named()
    const lines = dac7Csv(report).split('\r\n')
    const [head = ''] = lines
    const width = head.split(',').length
    const of = (peerId: string) => lines.find((line) => line.includes(peerId)) ?? ''
    expect(of(person.peerId)).toContain(
      ',private,Ana Dias,Ana,Dias,1990-01-02,Wien,R. 1,1000,Lisboa,AT,AT:12-345/6789,',
    )
    expect(of(person.peerId).split(',')).toHaveLength(width)
    expect(of(business.peerId)).toContain(',1,0.15,0.05,0.00,0,0.00,')
    expect(of(business.peerId)).toMatch(/,tax-identification-number$/u)
  })
})
