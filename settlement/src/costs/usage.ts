import { SettlementError } from '../errors.ts'
import { compare, type Decimal, format, subtract, ZERO } from './decimal.ts'

/** What was used: of one request, or of several whose prompts are of one tier. */
export interface Usage {
  /** By kind. */
  readonly quantities: Readonly<Record<string, Decimal>>
  /**
   * How it was counted: each kind here is contained in the count of another, such as `cached_input: 'input'`. What is not
   * here is counted for itself.
   */
  readonly partOf: Readonly<Record<string, string>>
  /** Tokens of the prompt; `null` when it is not known. */
  readonly promptTokens: Decimal | null
  readonly batch: boolean
}

/**
 * Every unit once: what is contained in another count is taken off it.
 *
 * @throws {SettlementError} HANSE_USAGE_INVALID when parts are more than their whole
 */
export function disjoint({ quantities, partOf }: Usage): Map<string, Decimal> {
  const left = new Map(Object.entries(quantities))
  for (const [kind, quantity] of left) {
    if (compare(quantity, ZERO) < 0) throw invalid(`${kind} is ${format(quantity)}`)
  }
  for (const [part, whole] of Object.entries(partOf)) {
    if (partOf[whole] !== undefined) throw invalid(`${whole} is a part itself`)
    const quantity = quantities[part] ?? ZERO
    if (quantity.units === 0n) continue
    const rest = subtract(left.get(whole) ?? ZERO, quantity)
    if (compare(rest, ZERO) < 0) throw invalid(`there is more ${part} than ${whole}`)
    left.set(whole, rest)
  }
  return left
}

const invalid = (message: string) => new SettlementError('HANSE_USAGE_INVALID', message)
