import { formatPrice, picoEuro } from '@hanse/protocol'
import { z } from 'zod'
import { askGatewayJson, type GatewayAccess } from '../gateway-client.ts'
import { clean } from '../terminal-text.ts'

// With every field that the gateway tells, so that `--json` hands on all of them.
const row = z.looseObject({
  provider: z.string(),
  model: z.string(),
  country: z.string(),
  evidenceLevel: z.number(),
  inputPrice: z.string(),
  outputPrice: z.string(),
  slots: z.number(),
  freeSlots: z.number(),
})
const excludedRow = row.extend({
  reasons: z.array(z.object({ code: z.string(), message: z.string(), change: z.string() })),
})
const answer = z.looseObject({
  network: z.string(),
  policy: z.object({ allow: z.array(z.string()), minLevel: z.number() }),
  candidates: z.array(row),
  excluded: z.array(excludedRow),
})

export type OfferRow = z.output<typeof row>
export type ExcludedRow = z.output<typeof excludedRow>

export interface MarketOffers {
  readonly network: string
  readonly policy: { readonly allow: readonly string[]; readonly minLevel: number }
  /** Best first. */
  readonly candidates: readonly OfferRow[]
  readonly excluded: readonly ExcludedRow[]
}

export interface OfferFilter {
  /** A part of the model's id. */
  readonly model: string | undefined
  readonly country: string | undefined
}

/** What the gateway sees of the market. @throws {HanseError} as `askGateway` */
export async function marketOffers(
  access: GatewayAccess,
  filter: OfferFilter,
  signal?: AbortSignal,
): Promise<MarketOffers> {
  const { candidates, excluded, ...rest } = await askGatewayJson(
    access,
    '/hanse/v1/offers',
    answer,
    signal === undefined ? {} : { signal },
  )
  const matches = ({ model, country }: OfferRow) =>
    (filter.model === undefined || model.toLowerCase().includes(filter.model.toLowerCase())) &&
    (filter.country === undefined || country === filter.country.toUpperCase())
  return { ...rest, candidates: candidates.filter(matches), excluded: excluded.filter(matches) }
}

export const OFFER_HEAD = ['MODEL', 'COUNTRY', 'LEVEL', 'IN', 'OUT', 'FREE', 'PROVIDER'] as const

export function offerCells(offer: OfferRow): string[] {
  return [
    clean(offer.model),
    clean(offer.country),
    String(offer.evidenceLevel),
    formatPrice(picoEuro(BigInt(offer.inputPrice))),
    formatPrice(picoEuro(BigInt(offer.outputPrice))),
    `${offer.freeSlots}/${offer.slots}`,
    clean(offer.provider),
  ]
}

/** What is the same offer from one look to the next. */
export const offerKey = ({ provider, model }: OfferRow): string => `${provider} ${model}`
