import { inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import {
  monthOfUse,
  REVERSE,
  STANDARD,
  sampleEarnings,
  sampleInvoice,
  sampleUsage,
} from '../testing/samples.ts'
import { renderCsv } from './csv.ts'
import { decimalCents, decimalPico, euros, exactEuros } from './figures.ts'
import { renderPdf } from './pdf.ts'
import { printable } from './typeface.ts'
import { LANGUAGES, WORDS } from './words.ts'

const OPTIONS = { language: 'de', url: 'https://settlement.example/v1/documents/x' } as const
const NO_BREAK = '\u00A0'
const MODELS = Array.from({ length: 60 }, (_, i) => `hanse/model-${i}:q4_K_M`)

/** The text of a PDF of ours: hexadecimal strings in deflated streams, in Windows-1252. */
function textOf(pdf: Buffer): string {
  const latin = pdf.toString('latin1')
  const streams = [...latin.matchAll(/stream\r?\n([\s\S]*?)\r?\nendstream/gu)].flatMap(
    ([, data]) => {
      try {
        return [inflateSync(Buffer.from(data ?? '', 'latin1')).toString('latin1')]
      } catch {
        return []
      }
    },
  )
  const shown = [...streams.join('\n').matchAll(/\[((?:<[0-9a-f]*>[\s\d.-]*)+)\] TJ/gu)]
  const decoder = new TextDecoder('windows-1252')
  return shown
    .map(([, parts = '']) => {
      const hex = [...parts.matchAll(/<([0-9a-f]*)>/gu)].map(([, digits]) => digits).join('')
      return decoder.decode(Buffer.from(hex, 'hex'))
    })
    .join('\n')
    .replaceAll(NO_BREAK, ' ')
}

describe('documents on paper', () => {
  test('an invoice says what the law wants of it, in German and in English', async () => {
    const content = sampleInvoice(REVERSE, 5_000n, 0n)
    const german = textOf(await renderPdf(content, OPTIONS))
    for (const part of [
      'Anzahlungsrechnung',
      content.number,
      '3. November 2026',
      'Hanse Betriebs GmbH',
      'DE123456789',
      'PL1234567890',
      '50,00 €',
      'Steuerschuldnerschaft des Leistungsempfängers',
      'WAPIAAAAZ1',
    ]) {
      expect(german).toContain(part)
    }
    const english = textOf(await renderPdf(content, { ...OPTIONS, language: 'en' }))
    expect(english).toContain('Reverse charge')
    expect(english).toContain('€50.00')
    expect(english).not.toContain('TEST')
  })

  test('a trial installation’s document says so on every page', async () => {
    const content = { ...sampleUsage(monthOfUse(MODELS, 0n)), test: true }
    const text = textOf(await renderPdf(content, OPTIONS))
    const pages = text.match(/Seite \d von (\d)/u)?.[1]
    expect(Number(pages)).toBeGreaterThan(1)
    expect(text.match(/^TEST$/gmu)).toHaveLength(Number(pages))
  })

  test('the same document gives the same bytes, with its XML form inside', async () => {
    const content = sampleEarnings(monthOfUse(['m'], 1n), STANDARD)
    const [first, second] = await Promise.all([
      renderPdf(content, OPTIONS),
      renderPdf(content, OPTIONS),
    ])
    expect(first.equals(second)).toBe(true)
    expect(first.toString('latin1')).toContain('/EmbeddedFile')
  })

  test('both languages have words for the same things', () => {
    const [de, en] = LANGUAGES.map((language) => WORDS[language])
    for (const part of ['movements', 'labels', 'kinds', 'notes'] as const) {
      expect(Object.keys(de?.[part] ?? {})).toEqual(Object.keys(en?.[part] ?? {}))
    }
  })

  test('names are spelled with the letters that there are', () => {
    expect(printable('Łódź Straße Ærø')).toBe('Lódz Straße Ærø')
    expect(printable('Αθήνα, София, Dvořák')).toBe('Athina, Sofiya, Dvorák')
    expect(printable('北京 €')).toBe('?? €')
  })
})

describe('documents for programs', () => {
  test('CSV has a row for each line, and no formulas', () => {
    const facts = monthOfUse(['=cmd()', 'a "quoted", name'], 5n)
    const rows = renderCsv(sampleEarnings(facts, null)).split('\r\n')
    expect(rows).toHaveLength(5)
    expect(rows[1]).toContain(",'=cmd(),1200,1450,12.345678901234,12.34,")
    expect(rows[2]).toContain(',"a ""quoted"", name",')
    expect(rows[3]).toContain(',fee,,,,-0.000000000005,')
  })

  test('figures are exact at any size', () => {
    expect(decimalCents(-5n)).toBe('-0.05')
    expect(decimalPico(10n ** 30n + 1n)).toBe('1000000000000000000.000000000001')
    expect(decimalPico(-1_500_000_000_000n)).toBe('-1.50')
    expect(euros(123_456_789_012_345_678n, WORDS.de)).toBe(`1.234.567.890.123.456,78${NO_BREAK}€`)
    expect(exactEuros(1n, WORDS.en)).toBe('0.000000000001')
  })
})
