export { electricityFloor, type PowerFacts, tokenFloor } from './electricity.ts'
export { type Electricity, PriceBook, type PriceBookOptions } from './price-book.ts'
export {
  type PriceOverride,
  parseOverrides,
  type Strategy,
  type StrategySettings,
  strategiesOf,
} from './strategy.ts'
export { parseTariff, Tariff, type TariffEntry } from './tariff.ts'
