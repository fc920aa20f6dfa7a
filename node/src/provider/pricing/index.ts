export { type Advice, advise, type OwnModel } from './advise.ts'
export { electricityFloor, type PowerFacts, tokenFloor } from './electricity.ts'
export { type MarketOffer, type ModelMarket, type PriceSpread, summarizeMarket } from './market.ts'
export { type Electricity, PriceBook, type PriceBookOptions } from './price-book.ts'
export {
  type PriceOverride,
  parseOverrides,
  type Strategy,
  type StrategySettings,
  strategiesOf,
} from './strategy.ts'
export {
  type ModelFacts,
  REFERENCE_MACHINE,
  type ReferenceMachine,
  type Suggestion,
  suggestPrices,
} from './suggest.ts'
export { parseTariff, Tariff, type TariffEntry } from './tariff.ts'
