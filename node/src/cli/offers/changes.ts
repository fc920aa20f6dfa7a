import { type MarketOffers, type OfferRow, offerKey } from './market-offers.ts'

export interface OfferChange {
  readonly change: 'came' | 'went' | 'price' | 'slots'
  readonly offer: OfferRow
}

/** What has changed among the offers to choose from, between two looks at the market. */
export function changesOf(before: MarketOffers | undefined, after: MarketOffers): OfferChange[] {
  const known = new Map((before?.candidates ?? []).map((offer) => [offerKey(offer), offer]))
  const changes: OfferChange[] = []
  for (const offer of after.candidates) {
    const old = known.get(offerKey(offer))
    known.delete(offerKey(offer))
    if (old === undefined) changes.push({ change: 'came', offer })
    else if (old.inputPrice !== offer.inputPrice || old.outputPrice !== offer.outputPrice)
      changes.push({ change: 'price', offer })
    else if (old.freeSlots !== offer.freeSlots || old.slots !== offer.slots)
      changes.push({ change: 'slots', offer })
  }
  for (const offer of known.values()) changes.push({ change: 'went', offer })
  return changes
}
