/**
 * Money as the network writes it: whole pico-euro (10^-12 EUR) in a bigint. A price in pico-euro
 * per token is the same number as micro-euro per million tokens, so nothing here ever rounds.
 */
export type PicoEuro = bigint & { readonly unit: 'pEUR' }

/** Longer strings are refused: 10^24 pEUR is a trillion euros, far above any price or bill. */
const digitsMax = 24
const wholeNumber = /^(?:0|[1-9][0-9]*)$/

/** Reads a decimal string of pico-euro; anything that is not canonical gives undefined. */
export function parsePicoEuro(text: unknown): PicoEuro | undefined {
  if (typeof text !== 'string' || text.length > digitsMax || !wholeNumber.test(text))
    return undefined
  return BigInt(text) as PicoEuro
}

/** A price per token as EUR per million tokens, exact, with two decimals or as many as it needs. */
export function formatPerMtok(price: PicoEuro): string {
  return decimal(price, 6)
}

/** The stored number itself, for who wants to check: "250 000 000 pEUR per token". */
export function exactPerToken(price: PicoEuro): string {
  return `${grouped(price)} pEUR per token`
}

export function lowest(prices: readonly PicoEuro[]): PicoEuro | undefined {
  return prices.reduce<PicoEuro | undefined>(
    (least, price) => (least === undefined || price < least ? price : least),
    undefined,
  )
}

function decimal(value: bigint, places: number): string {
  const magnitude = value < 0n ? -value : value
  const scale = 10n ** BigInt(places)
  const fraction = (magnitude % scale).toString().padStart(places, '0').replace(/0+$/, '')
  return `${value < 0n ? '-' : ''}${grouped(magnitude / scale)}.${fraction.padEnd(2, '0')}`
}

/** Groups of three, parted by a narrow no-break space: read alike in every country of the EU. */
function grouped(value: bigint): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, '\u202f')
}
