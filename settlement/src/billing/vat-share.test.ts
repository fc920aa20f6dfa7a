import fc from 'fast-check'
import { expect, test } from 'vitest'
import { vatShare } from './vat-share.ts'

const payment = fc
  .record({ cents: fc.bigInt(1n, 100_000n), percent: fc.bigInt(0n, 27n) })
  .map(({ cents, percent }) => ({ cents, vatCents: (cents * percent) / (100n + percent) }))

test('however a payment goes back, all of its VAT goes back with it, and never more', () => {
  fc.assert(
    fc.property(payment, fc.array(fc.bigInt(1n, 50_000n), { maxLength: 30 }), (paid, parts) => {
      let already = { cents: 0n, vatCents: 0n }
      for (const part of [...parts, paid.cents]) {
        const rest = paid.cents - already.cents
        const cents = part < rest ? part : rest
        if (cents === 0n) break
        const vat = vatShare(paid, already, cents)
        expect(vat >= 0n && vat <= cents).toBe(true)
        already = { cents: already.cents + cents, vatCents: already.vatCents + vat }
        expect(already.vatCents <= paid.vatCents).toBe(true)
      }
      expect(already).toEqual(paid)
    }),
  )
})

test('while the news that a part came back is late, no more VAT goes than there is', () => {
  const paid = { cents: 11_900n, vatCents: 1_900n }
  expect(vatShare(paid, { cents: 5_950n, vatCents: 950n }, 8_330n)).toBe(950n)
  expect(vatShare(paid, { cents: 11_000n, vatCents: 1_756n }, 950n)).toBe(144n)
  expect(vatShare(paid, { cents: 11_900n, vatCents: 1_900n }, 100n)).toBe(0n)
})
