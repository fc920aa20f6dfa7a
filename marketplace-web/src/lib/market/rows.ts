import type { FetchedOffer, Match } from '@hanse/node/consumer'
import { type PicoEuro, picoEuro } from '#lib/money.ts'

/** One model of one provider, as the provider itself offers it. */
export type Row = {
  readonly key: string
  readonly provider: string
  readonly model: string
  readonly aliases: readonly string[]
  readonly country: string
  readonly evidenceLevel: number
  /** Pico-euro per token. */
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
  /** What the provider lets a stranger owe, pico-euro. */
  readonly credit: PicoEuro
  readonly contextLength: number
  readonly maxOutputTokens: number
  readonly slots: number
  readonly freeSlots: number
  /** As the provider measured it. */
  readonly tokensPerSecond: number | null
  readonly quantization: string | null
  readonly notAfter: number
  readonly seenAt: number
  /** What speaks against the offer: an attestor names another country. The protocol's own words. */
  readonly against: string | undefined
}

/** The rows of a market, in one order whatever the order in which they were found. */
export function rowsOf({ candidates, excluded }: Match<FetchedOffer>): Row[] {
  const rows = [
    ...candidates.map((one) => rowOf(one, undefined)),
    ...excluded.map((one) => rowOf(one, one.reasons[0]?.message)),
  ]
  return rows.sort((a, b) => (a.key < b.key ? -1 : 1))
}

function rowOf(
  { known, model, evidenceLevel }: Match<FetchedOffer>['candidates'][number],
  against: string | undefined,
): Row {
  const { offer, fetchedAt } = known
  const { id, aliases, contextLength, maxOutputTokens, slots, tokensPerSecond, quantization } =
    model
  return {
    key: `${offer.provider} ${id}`,
    provider: offer.provider,
    model: id,
    aliases,
    country: offer.country,
    evidenceLevel,
    inputPrice: picoEuro(model.inputPrice),
    outputPrice: picoEuro(model.outputPrice),
    credit: picoEuro(offer.unsecuredCredit),
    contextLength,
    maxOutputTokens,
    slots,
    // What a provider says of itself may be more than it has.
    freeSlots: Math.min(model.freeSlots, slots),
    tokensPerSecond,
    quantization,
    notAfter: offer.notAfter,
    seenAt: fetchedAt,
    against,
  }
}
