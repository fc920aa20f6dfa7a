import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LocationEvidence } from './location.ts'
import { splitAmount } from './split-amount.ts'
import { type Supply, type TaxCustomer, taxOf } from './tax-of.ts'
import { confirmedByOperator } from './vat-id-checker.ts'

/** 2026-11-02 */
const AT = 1_793_577_600_000
const DAY_MS = 86_400_000
const piece = (kind: LocationEvidence['kind'], country: string) => ({ kind, country, at: AT })
const told = (country: string) => [
  piece('billing_address', country),
  piece('card_country', country),
]
const consumer = (country: string, changes: Partial<TaxCustomer> = {}): TaxCustomer => ({
  kind: 'consumer',
  country,
  evidence: told(country),
  ...changes,
})
const business = (country: string, vatId?: string, age = 0): TaxCustomer => ({
  kind: 'business',
  country,
  evidence: [],
  ...(vatId !== undefined && {
    vatId,
    vatIdCheck: confirmedByOperator({ vatId, valid: true, at: AT - age, reference: 'letter' }),
  }),
})
const supply = (customer: TaxCustomer, supplyAt = AT): Supply => ({
  seller: { country: 'DE', ossSince: 0 },
  customer,
  supplyAt,
})
const ruling = (customer: TaxCustomer, supplyAt = AT) => {
  const { rule, category, rateBps } = taxOf(supply(customer, supplyAt), { netCents: 10_000n })
  return [rule, category, rateBps]
}

describe('which VAT a supply carries', () => {
  test('at home everybody pays the rate of the country', () => {
    expect(ruling(consumer('DE'))).toEqual(['domestic', 'S', 1900])
    expect(ruling(business('DE', 'DE123456789'))).toEqual(['domestic', 'S', 1900])
    expect(ruling(business('DE'))).toEqual(['domestic', 'S', 1900])
  })

  test('a business elsewhere in the Union with a confirmed VAT id accounts for the tax itself', () => {
    const tax = taxOf(supply(business('FR', 'FR12345678901')), { grossCents: 5_000n })
    expect(tax).toMatchObject({ rule: 'rc_eu', category: 'AE', netCents: 5_000n, vatCents: 0n })
    expect(tax.note).toBe('Reverse charge')
    expect(tax.evidence.vatIdCheck).toMatchObject({ source: 'operator', consultation: 'letter' })
    expect(ruling(business('GR', 'EL123456789'))).toEqual(['rc_eu', 'AE', 0])
  })

  test('a business whose VAT id is missing, refused, of another form, another state or too old pays as a consumer', () => {
    const refused = { ...business('FR', 'FR12345678901') }
    const check = refused.vatIdCheck
    if (check === undefined) throw new Error('not checked')
    for (const customer of [
      business('FR'),
      { ...refused, vatIdCheck: { ...check, valid: false } },
      { ...refused, vatIdCheck: { ...check, vatId: 'FR00345678901' } },
      business('FR', 'FR123'),
      business('FR', 'PL1234567890'),
      business('FR', 'FR12345678901', 93 * DAY_MS),
    ]) {
      expect(ruling(customer)).toEqual(['oss', 'S', 2000])
    }
  })

  test('a consumer elsewhere pays the rate of home until the seller declares in the one-stop shop', () => {
    const given = supply(consumer('HU'))
    expect(ruling(consumer('HU'))).toEqual(['oss', 'S', 2700])
    const below = { ...given, seller: { country: 'DE' as const, ossSince: AT + 1 } }
    expect(taxOf(below, { netCents: 100n })).toMatchObject({ rule: 'domestic', rateBps: 1900 })
  })

  test('outside the Union nothing is charged, to businesses and to consumers who are shown to be there', () => {
    expect(ruling(business('CH'))).toEqual(['export', 'O', 0])
    expect(ruling(consumer('CH'))).toEqual(['export', 'O', 0])
    expect(ruling(consumer('CH', { evidence: [piece('billing_address', 'CH')] }))).toEqual([
      'domestic',
      'S',
      1900,
    ])
  })

  test('two pieces of evidence go before what a consumer says', () => {
    const evidence = [
      piece('billing_address', 'LU'),
      piece('card_country', 'HU'),
      piece('ip_country', 'HU'),
    ]
    const tax = taxOf(supply(consumer('LU', { evidence })), { netCents: 100n })
    expect(tax).toMatchObject({ rule: 'oss', state: 'HU', rateBps: 2700 })
    expect(tax.evidence.location).toMatchObject({ proven: true, contradicted: true })
  })

  test('one piece twice is one piece', () => {
    const evidence = [piece('card_country', 'HU'), piece('card_country', 'HU')]
    const { location } = taxOf(supply(consumer('LU', { evidence })), { netCents: 1n }).evidence
    expect(location).toMatchObject({ place: { state: 'LU' }, proven: false, contradicted: true })
  })

  test.each([
    ['ES', '35001', 'export', 0],
    ['ES', '28001', 'oss', 2100],
    ['FI', '22100', 'export', 0],
    ['FR', '97400', 'export', 0],
    ['IT', '23041', 'export', 0],
    ['IT', '22060', 'oss', 2200],
    ['DE', '27498', 'export', 0],
    ['PT', '9500-150', 'oss', 1600],
    ['PT', '9000-001', 'oss', 2200],
    ['PT', '1000-001', 'oss', 2300],
    ['AT', '6691', 'oss', 1900],
    ['MC', '98000', 'oss', 2000],
    ['GP', '97100', 'export', 0],
  ])('%s %s: %s', (country, postalCode, rule, rateBps) => {
    const tax = taxOf(supply(consumer(country, { postalCode })), { netCents: 100n })
    expect([tax.rule, tax.rateBps]).toEqual([rule, rateBps])
  })

  test('a rate changes on its day', () => {
    const before = Date.parse('2025-06-30T23:59:59Z')
    const after = Date.parse('2025-07-01T00:00:00Z')
    expect(ruling(consumer('EE'), before)).toEqual(['oss', 'S', 2200])
    expect(ruling(consumer('EE'), after)).toEqual(['oss', 'S', 2400])
    expect(() => ruling(consumer('EE'), 0)).toThrow(RangeError)
  })
})

describe('splitting an amount', () => {
  const cents = fc.bigInt({ min: 0n, max: 10n ** 12n })
  const rate = fc.integer({ min: 0, max: 3000 })

  test('net and VAT are never negative and add up, whichever was given', () => {
    fc.assert(
      fc.property(cents, rate, fc.boolean(), (amount, bps, isGross) => {
        const given = isGross ? { grossCents: amount } : { netCents: amount }
        const { netCents, vatCents, grossCents } = splitAmount(given, bps)
        expect(netCents + vatCents).toBe(grossCents)
        expect(netCents >= 0n && vatCents >= 0n).toBe(true)
        expect(isGross ? grossCents : netCents).toBe(amount)
      }),
    )
  })

  test('a larger amount has no smaller net and no smaller VAT', () => {
    fc.assert(
      fc.property(cents, cents, rate, (amount, more, bps) => {
        const small = splitAmount({ grossCents: amount }, bps)
        const large = splitAmount({ grossCents: amount + more }, bps)
        expect(large.netCents >= small.netCents && large.vatCents >= small.vatCents).toBe(true)
      }),
    )
  })

  test('the VAT is that of the net, to the cent that rounding once can cost', () => {
    fc.assert(
      fc.property(cents, rate, (amount, bps) => {
        const { netCents, vatCents } = splitAmount({ grossCents: amount }, bps)
        const difference = vatCents * 10_000n - netCents * BigInt(bps)
        expect(difference <= 10_000n && difference >= -10_000n).toBe(true)
      }),
    )
  })

  test('known sums, and half a cent goes up', () => {
    expect(splitAmount({ grossCents: 11_900n }, 1900)).toMatchObject({ netCents: 10_000n })
    expect(splitAmount({ grossCents: 1_000n }, 1900)).toMatchObject({ vatCents: 160n })
    expect(splitAmount({ netCents: 50n }, 2500)).toMatchObject({ vatCents: 13n })
    expect(() => splitAmount({ netCents: -1n }, 2500)).toThrow(RangeError)
  })
})
