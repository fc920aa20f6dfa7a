import { formatPrice, HanseError, picoEuro } from '@hanse/protocol'
import { z } from 'zod'
import { askGatewayJson, type GatewayAccess } from '../gateway-client.ts'
import { clean } from '../terminal-text.ts'

const answer = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      hanse: z.object({
        offers: z.number(),
        countries: z.array(z.string()),
        input_price: z.object({ min_pico_euro_per_token: z.string() }),
        output_price: z.object({ min_pico_euro_per_token: z.string() }),
      }),
    }),
  ),
})

export interface MarketModel {
  readonly id: string
  readonly offers: number
  readonly countries: readonly string[]
  /** Of the cheapest offer, pico-euro per token. */
  readonly inputPrice: bigint
  readonly outputPrice: bigint
}

/** Models that the gateway can buy answers of, cheapest output first. */
export async function marketModels(access: GatewayAccess): Promise<readonly MarketModel[]> {
  const { data } = await askGatewayJson(access, '/v1/models', answer)
  return data
    .map(({ id, hanse }) => ({
      id,
      offers: hanse.offers,
      countries: hanse.countries,
      inputPrice: BigInt(hanse.input_price.min_pico_euro_per_token),
      outputPrice: BigInt(hanse.output_price.min_pico_euro_per_token),
    }))
    .sort((a, b) => Number(a.outputPrice - b.outputPrice) || a.id.localeCompare(b.id))
}

export function modelRow({
  id,
  offers,
  countries,
  inputPrice,
  outputPrice,
}: MarketModel): string[] {
  const price = (value: bigint) => formatPrice(picoEuro(value))
  return [clean(id), price(inputPrice), price(outputPrice), String(offers), countries.join(' ')]
}

/** The one model on offer. @throws {HanseError} HANSE_NO_PROVIDER, HANSE_REQUEST_INVALID when there is a choice to make */
export function onlyModel(models: readonly MarketModel[]): string {
  const [first, ...others] = models
  if (first === undefined)
    throw new HanseError('HANSE_NO_PROVIDER', 'no model is on offer within the gateway’s policy')
  if (others.length === 0) return first.id
  const some = models.slice(0, 5).map(({ id }) => clean(id))
  const more = models.length > some.length ? ', …' : ''
  throw new HanseError(
    'HANSE_REQUEST_INVALID',
    `${models.length} models are on offer: say --model ${some.join(' | ')}${more}`,
  )
}
