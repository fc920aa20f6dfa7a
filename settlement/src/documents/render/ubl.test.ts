import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { splitAmount } from '../../tax/index.ts'
import type { DocumentContent, DocumentTax } from '../document.ts'
import { brokenRules } from '../testing/en16931.ts'
import {
  EXEMPT,
  monthOfUse,
  OUTSIDE,
  REVERSE,
  STANDARD,
  sampleCreditNote,
  sampleEarnings,
  sampleInvoice,
  sampleUsage,
} from '../testing/samples.ts'
import { decimalCents } from './figures.ts'
import { renderUbl } from './ubl.ts'

const TAXES = { STANDARD, REVERSE, OUTSIDE, EXEMPT }
const invoiceOf = (tax: DocumentTax, cents: bigint) =>
  sampleInvoice(tax, cents, splitAmount({ grossCents: cents }, tax.rateBps).vatCents)
const MODELS = ['hanse/llama-3.3-70b:q4_K_M', 'hanse/qwen3-8b:q8_0', 'a < b & "c"']

describe('documents as EN 16931', () => {
  test.each(Object.entries(TAXES))('an invoice, %s, breaks no rule', (_name, tax) => {
    expect(brokenRules(renderUbl(invoiceOf(tax, 5_000n)))).toEqual([])
    expect(brokenRules(renderUbl(sampleCreditNote(invoiceOf(tax, 5_001n))))).toEqual([])
  })

  test.each(Object.entries(TAXES))('a self-billed invoice, %s, breaks no rule', (_name, tax) => {
    const facts = monthOfUse(MODELS, 18_518_518_351_851n)
    const xml = renderUbl(sampleEarnings(facts, tax))
    expect(brokenRules(xml)).toEqual([])
    expect(xml).toContain('<cbc:InvoiceTypeCode>389</cbc:InvoiceTypeCode>')
    expect(xml).toContain('a &lt; b &amp; "c"')
  })

  test('an advance is a prepayment invoice with nothing left to pay, and a refund names it', () => {
    const invoice = invoiceOf(STANDARD, 5_000n)
    const xml = renderUbl(invoice)
    expect(xml).toContain('<cbc:InvoiceTypeCode>386</cbc:InvoiceTypeCode>')
    expect(xml).toContain('<cbc:PayableAmount currencyID="EUR">0.00</cbc:PayableAmount>')
    expect(renderUbl(sampleCreditNote(invoice))).toContain(`<cbc:ID>${invoice.number}</cbc:ID>`)
  })

  test('what is no invoice has no XML form', () => {
    expect(() => renderUbl(sampleUsage(monthOfUse(MODELS, 0n)))).toThrow(TypeError)
    expect(() => renderUbl(sampleInvoice(null, 5_000n, 0n))).toThrow(TypeError)
    const nowhere = invoiceOf(STANDARD, 1n)
    expect(() => renderUbl({ ...nowhere, buyer: { ...nowhere.buyer, country: null } })).toThrow()
  })

  test('characters that XML has no place for are replaced', () => {
    const invoice = invoiceOf(STANDARD, 1n)
    const name = 'a\u0000b\uD800c\uFFFE'
    const xml = renderUbl({ ...invoice, buyer: { ...invoice.buyer, name } })
    expect(xml).toContain('a\uFFFDb\uFFFDc\uFFFD')
    expect(brokenRules(xml)).toEqual([])
  })

  test('the rules are found broken where they are', () => {
    const xml = renderUbl(invoiceOf(STANDARD, 5_000n))
    const broken = (from: string, to: string) => brokenRules(xml.replace(from, to))
    expect(
      broken(
        '<cbc:PayableAmount currencyID="EUR">0.00',
        '<cbc:PayableAmount currencyID="EUR">0.01',
      ),
    ).toEqual(['BR-CO-16'])
    expect(broken('<cbc:Percent>19', '<cbc:Percent>7')).toContain('BR-CO-17')
    expect(broken('<cbc:ID>INV-2026-000041</cbc:ID>', '')).toContain('BR-02')
    expect(brokenRules(xml.replaceAll('>DE123456789<', '><').replaceAll('>S<', '>O<'))).toContain(
      'BR-O-02',
    )
  })

  const pico = fc.bigInt({ min: 1n, max: 10n ** 17n })
  const tax = fc.constantFrom(STANDARD, REVERSE, OUTSIDE, EXEMPT)

  test('for any usage, fee and rate, the sums of a self-billed invoice are the ledger’s to the cent', () => {
    fc.assert(
      fc.property(
        fc.array(pico, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 0, max: 10_000 }),
        fc.bigInt({ min: 0n, max: 9_999_999_999n }),
        tax,
        (uses, feeBps, carry, rule) => {
          const total = uses.reduce((a, b) => a + b, 0n)
          const fee = (total * BigInt(feeBps)) / 10_000n
          const usage = uses.map((amount, i) => ({
            model: `m${i}`,
            sessions: 1,
            receipts: 1,
            amount,
          }))
          const facts = { ...monthOfUse([], fee), usage }
          const content = sampleEarnings(facts, rule, carry)
          const exact = carry + total - fee
          expect(content.totals.grossCents).toBe(exact / 10_000_000_000n)
          expect(content.carry?.to).toBe(exact % 10_000_000_000n)
          const xml = renderUbl(content)
          expect(brokenRules(xml)).toEqual([])
          expect(inclusive(xml)).toBe(decimalCents(content.totals.grossCents))
        },
      ),
      { numRuns: 60 },
    )
  })

  test('for any payment, the sums of its invoice are what was paid', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 99_999_999n }), tax, (cents, rule) => {
        const content = invoiceOf(rule, cents)
        const xml = renderUbl(content)
        expect(brokenRules(xml)).toEqual([])
        expect(inclusive(xml)).toBe(decimalCents(cents))
        expect(linesOf(content)).toBe(content.totals.netCents)
      }),
      { numRuns: 60 },
    )
  })
})

const linesOf = ({ lines }: DocumentContent) => lines.reduce((sum, { cents }) => sum + cents, 0n)
const inclusive = (xml: string) =>
  /<cbc:TaxInclusiveAmount currencyID="EUR">([\d.]+)</u.exec(xml)?.[1]
