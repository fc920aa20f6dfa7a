import type { Offer } from './offer.ts'

/** An empty string means any. */
export type Filter = { readonly text: string; readonly model: string; readonly country: string }

export const noFilter: Filter = { text: '', model: '', country: '' }

/** Every word of the text must occur somewhere in the row, in any case. */
export function filtered<Row extends Offer>(rows: readonly Row[], filter: Filter): Row[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean)
  return rows.filter((row) => {
    if (filter.model !== '' && row.model !== filter.model) return false
    if (filter.country !== '' && row.country !== filter.country) return false
    const haystack = searchable(row)
    return words.every((word) => haystack.includes(word))
  })
}

/** The values to choose from, each once, in order. */
export function choices(rows: readonly Offer[], field: 'model' | 'country'): string[] {
  return [...new Set(rows.map((row) => row[field]))].toSorted()
}

function searchable(row: Offer): string {
  const fields = [row.model, row.provider, row.country, row.quantization ?? '', ...row.addresses]
  return fields.join('\n').toLowerCase()
}
