import { parseEuro } from '@hanse/client'

/** What a person types, in either language: "250", "0.50", "0,50"; undefined for anything that is no amount above nothing. */
export function typedEuro(text: string): bigint | undefined {
  try {
    const amount = parseEuro(text.trim().replace(',', '.'))
    return amount > 0n ? amount : undefined
  } catch {
    return undefined
  }
}

/** The same in whole cents. */
export function typedCents(text: string): bigint | undefined {
  const amount = typedEuro(text)
  const cent = 10n ** 10n
  return amount === undefined || amount % cent !== 0n ? undefined : amount / cent
}

/** "50, 80" as percentages, in their order; undefined where one is none. */
export function typedPercents(text: string): number[] | undefined {
  const parts = text.split(/[\s,;%]+/u).filter(Boolean)
  const numbers = parts.map(Number)
  const areGood = numbers.every((one) => Number.isInteger(one) && one >= 1 && one <= 1000)
  return areGood ? [...new Set(numbers)].toSorted((a, b) => a - b) : undefined
}
