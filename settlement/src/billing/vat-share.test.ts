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

test('a part is right by itself while the news that another came back is late', () => {
  const paid = { cents: 11_900n, vatCents: 1_900n }
  expect(vatShare(paid, { cents: 5_950n, vatCents: 950n }, 8_330n)).toBe(1_330n)
})
