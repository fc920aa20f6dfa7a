export { Attempt, type Ending } from './attempt.ts'
export { BREAKER_LIMITS, Breaker, type BreakerState } from './breaker.ts'
export { hedgeAfterMs, patienceMs } from './hedging.ts'
export {
  type Expectation,
  type MeasurementRow,
  Measurements,
  PRIORS,
  type TrackRecord,
} from './measurements.ts'
export { type ModelAliases, modelChoices, parseAliases } from './model-names.ts'
export { type Choice, Plan } from './plan.ts'
export { type ProviderRow, providerRows } from './provider-rows.ts'
export { type Contender, type RaceOptions, race } from './race.ts'
export { requirementOf, residencyOf } from './requirement.ts'
export { type MeasurementStore, type Routable, type Routed, Router } from './router.ts'
export type { Scored, ScoreParts } from './score.ts'
export { ROUTING_DEFAULTS, type RoutingSettings } from './settings.ts'
export { type Traits, traitsOf } from './traits.ts'
