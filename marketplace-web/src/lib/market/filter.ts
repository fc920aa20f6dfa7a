import { isInRegion } from '@hanse/protocol'
import { parsePerMtok } from '#lib/money.ts'
import type { Row } from './rows.ts'

/** As typed and chosen: an empty text is no condition. */
export type Filter = {
  readonly model: string
  /** A country, or EU or EEA. */
  readonly region: string
  /** Most for a million output tokens, euro. */
  readonly price: string
  /** Least tokens per second. */
  readonly speed: string
  /** Least level of evidence. */
  readonly level: string
  readonly isFree: boolean
}

export const noFilter: Filter = {
  model: '',
  region: '',
  price: '',
  speed: '',
  level: '',
  isFree: false,
}

export const isFiltering = (filter: Filter): boolean =>
  Object.values(filter).some((value) => value !== '' && value !== false)

/** Whether a text is nothing, or a number that the field takes. */
export const isPrice = (text: string): boolean =>
  text.trim() === '' || parsePerMtok(text) !== undefined
export const isSpeed = (text: string): boolean => /^\s*\d{0,6}\s*$/u.test(text)

/** The rows that meet all conditions; what is no number yet is none. Speeds that nobody measured are not fast. */
export function narrowed(rows: readonly Row[], filter: Filter): Row[] {
  const { model, region, isFree } = filter
  const price = parsePerMtok(filter.price)
  const speed = isSpeed(filter.speed) ? Number(filter.speed) : 0
  const level = Number(filter.level)
  return rows.filter(
    (row) =>
      (model === '' || row.model === model) &&
      (region === '' || isInRegion(row.country, region)) &&
      (price === undefined || row.outputPrice <= price) &&
      (speed === 0 || (row.tokensPerSecond ?? 0) >= speed) &&
      row.evidenceLevel >= level &&
      (!isFree || row.freeSlots > 0),
  )
}
