// What is simulated is what runs: the rules of node and settlement, in one place.
// biome-ignore lint/style/noRestrictedImports: the node's rules have no entry of their own in the package's exports
export * from '../../../node/src/consumer/routing/index.ts'
// biome-ignore lint/style/noRestrictedImports: as above
export { DOUBTS, type Pair, standings } from '../../../node/src/consumer/spot-check/verdict.ts'
// biome-ignore lint/style/noRestrictedImports: as above
export { parseWindows, Schedule } from '../../../node/src/provider/availability/schedule.ts'
// biome-ignore lint/style/noRestrictedImports: as above
export { WallClock } from '../../../node/src/provider/availability/wall-clock.ts'
// biome-ignore lint/style/noRestrictedImports: as above
export { VALID_MS } from '../../../node/src/provider/offer-book.ts'
export {
  advise,
  type MarketOffer,
  PriceBook,
  parseTariff,
  type Strategy,
  suggestPrices,
  Tariff,
  // biome-ignore lint/style/noRestrictedImports: as above
} from '../../../node/src/provider/pricing/index.ts'
// biome-ignore lint/style/noRestrictedImports: as above
export { type Lease, limitsOf, Scheduler } from '../../../node/src/provider/scheduling/index.ts'
