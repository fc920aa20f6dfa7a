import {
  type PriceOverride,
  parseOverrides,
  parseTariff,
  type TariffEntry,
} from '../../provider/pricing/index.ts'
import * as kinds from '../kinds.ts'
import type { Setting } from '../settings.ts'

const prices: Setting<readonly PriceOverride[]> = {
  description:
    'prices of single models, each `model=in/out`, or `model=in/out..in/out` to follow the load between the two; a table in hanse.toml',
  placeholder: '<model=in/out,…>',
  fallback: [],
  parse: parseOverrides,
}

const electricityPrice: Setting<readonly TariffEntry[] | undefined> = {
  description:
    'what a kilowatt-hour costs, such as `0.32` or `22:00-06:00=0.21,*=0.35`: no price falls below what power costs',
  placeholder: '<EUR/kWh>',
  fallback: undefined,
  parse: parseTariff,
}

/** What a provider asks, and when it asks more or less. */
export const pricingGroup = {
  priceStrategy: kinds.oneOf(['fixed', 'utilization'], {
    description: 'always the same price, or one that rises and falls with the load',
    fallback: 'fixed',
  }),
  priceFloorPercent: kinds.integer({
    description: 'where a price that follows the load begins, percent of the price',
    placeholder: '<%>',
    fallback: 75,
    min: 1,
    max: 100,
  }),
  priceCeilingPercent: kinds.integer({
    description: 'where it ends when all slots are busy, percent of the price',
    placeholder: '<%>',
    fallback: 200,
    min: 100,
    max: 10_000,
  }),
  prices,
  electricityPrice,
  watts: kinds.optionalInteger({
    description: 'power that this machine draws while it answers; measured when not given',
    min: 1,
    max: 100_000,
  }),
  marginPercent: kinds.integer({
    description: 'what is to be earned on top of the electricity, percent',
    placeholder: '<%>',
    fallback: 20,
    min: 0,
    max: 10_000,
  }),
  expectedTokensPerSecond: kinds.optionalInteger({
    description: 'output of all answers of a model together, until it is measured',
    min: 1,
    max: 1_000_000,
  }),
} as const
