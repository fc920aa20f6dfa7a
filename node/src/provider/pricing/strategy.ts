import { HanseError, type OfferedModel, type Prices, parsePrice, picoEuro } from '@hanse/protocol'

/** How a model is priced: always the same, or between a floor when idle and a ceiling when full. */
export type Strategy =
  | { readonly type: 'fixed'; readonly prices: Prices }
  | { readonly type: 'utilization'; readonly floor: Prices; readonly ceiling: Prices }

export interface PriceOverride {
  /** Id or alias. */
  readonly model: string
  readonly strategy: Strategy
}

/** A price list is for the models of an offer, which holds at most 64, by their names and aliases. */
const OVERRIDES_MAX = 512

/**
 * Reads `model=in/out,…` (euro per million tokens), and `model=in/out..in/out` for a price between the two.
 *
 * @throws {Error} that says what is wrong
 */
export function parseOverrides(text: string): PriceOverride[] {
  const overrides = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseOverride)
  if (overrides.length > OVERRIDES_MAX) throw new Error(`must be at most ${OVERRIDES_MAX} models`)
  const names = overrides.map(({ model }) => model)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Error(`${twice} has two prices`)
  return overrides
}

function parseOverride(part: string): PriceOverride {
  const at = part.lastIndexOf('=')
  const model = part.slice(0, Math.max(0, at)).trim()
  const [floor, ceiling, ...more] = part.slice(at + 1).split('..')
  if (model === '' || floor === undefined || more.length > 0)
    throw new Error(`${part.slice(0, 80)} is not a price such as meta/llama-3.2-3b=0.05/0.20`)
  const low = parsePair(floor)
  if (ceiling === undefined) return { model, strategy: { type: 'fixed', prices: low } }
  const high = parsePair(ceiling)
  if (high.inputPrice < low.inputPrice || high.outputPrice < low.outputPrice)
    throw new Error(`${part.slice(0, 80)}: the second prices are below the first`)
  // Prices rise by percent, and no percent of nothing is anything.
  if ((low.inputPrice === 0n && high.inputPrice > 0n) || low.outputPrice === 0n)
    throw new Error(`${part.slice(0, 80)}: a price that rises must not begin at zero`)
  return { model, strategy: { type: 'utilization', floor: low, ceiling: high } }
}

function parsePair(text: string): Prices {
  const [input, output, ...more] = text.split('/')
  if (input === undefined || output === undefined || more.length > 0)
    throw new Error(`${text.slice(0, 40)} is not input/output such as 0.05/0.20`)
  return { inputPrice: parsePrice(input), outputPrice: parsePrice(output) }
}

export interface StrategySettings extends Prices {
  readonly priceStrategy: Strategy['type']
  readonly priceFloorPercent: number
  readonly priceCeilingPercent: number
  readonly prices: readonly PriceOverride[]
}

/**
 * The strategy of each model on offer.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID when a price is for a model that is not offered, or the floor above the ceiling
 */
export function strategiesOf(
  models: readonly Pick<OfferedModel, 'id' | 'aliases'>[],
  settings: StrategySettings,
): Map<string, Strategy> {
  const { priceStrategy, priceFloorPercent, priceCeilingPercent, prices } = settings
  if (priceFloorPercent > priceCeilingPercent) {
    const message = `the price floor of ${priceFloorPercent} % is above the ceiling of ${priceCeilingPercent} %`
    throw new HanseError('HANSE_CONFIG_INVALID', message)
  }
  const general: Strategy =
    priceStrategy === 'fixed'
      ? { type: 'fixed', prices: pick(settings) }
      : {
          type: 'utilization',
          floor: percentOf(settings, priceFloorPercent),
          ceiling: percentOf(settings, priceCeilingPercent),
        }
  const strategies = new Map(models.map(({ id }) => [id, general]))
  for (const { model, strategy } of prices) {
    const found = models.find(({ id, aliases }) => id === model || aliases.includes(model))
    if (found === undefined) {
      const names = models.map(({ id }) => id).join(', ')
      throw new HanseError(
        'HANSE_CONFIG_INVALID',
        `there is a price for ${model}, which is not offered; offered are ${names || 'none'}`,
      )
    }
    strategies.set(found.id, strategy)
  }
  return strategies
}

function pick({ inputPrice, outputPrice }: Prices): Prices {
  return { inputPrice, outputPrice }
}

function percentOf({ inputPrice, outputPrice }: Prices, percent: number): Prices {
  const part = (price: bigint) => picoEuro((price * BigInt(percent)) / 100n)
  return { inputPrice: part(inputPrice), outputPrice: part(outputPrice) }
}
