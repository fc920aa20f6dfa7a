import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { canonicalJson } from './canonical-json.ts'
import type { DocumentContent } from './document.ts'
import { renderCsv } from './render/csv.ts'
import { renderPdf } from './render/pdf.ts'
import { hasUbl, renderUbl } from './render/ubl.ts'
import { type Language, languageOf } from './render/words.ts'
import { operatorOf } from './sides.ts'

export const FORMATS = {
  json: 'application/json; charset=utf-8',
  pdf: 'application/pdf',
  xml: 'application/xml; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
} as const
export type Format = keyof typeof FORMATS

/**
 * A document in one of its forms; all of them are made of the stored one.
 *
 * @throws {SettlementError} HANSE_DOCUMENT_FORM when it has no XML form, because it is no invoice
 */
export async function showDocument(
  context: SettlementContext,
  content: DocumentContent,
  format: Format,
  language?: Language,
): Promise<Buffer> {
  switch (format) {
    case 'json':
      return Buffer.from(canonicalJson(content))
    case 'csv':
      return Buffer.from(renderCsv(content))
    case 'xml':
      if (hasUbl(content)) return Buffer.from(renderUbl(content))
      throw new SettlementError('HANSE_DOCUMENT_FORM', `${content.number} is no invoice`)
    case 'pdf':
      return renderPdf(content, {
        language: language ?? languageOf(readerCountry(content)),
        bank: operatorOf(context),
        url: `${context.publicUrl()}/v1/documents/${content.number}`,
      })
  }
}

const readerCountry = ({ kind, seller, buyer }: DocumentContent): string | null =>
  kind === 'provider-statement' ? seller.country : buyer.country
