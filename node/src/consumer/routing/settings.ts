import type { Sort } from '../request.ts'
import type { ModelAliases } from './model-names.ts'

export interface RoutingSettings {
  /** What counts most, where a request does not say. */
  readonly sort: Sort
  /** Share of the requests that go to providers of whom little is known, 0 to 1. */
  readonly exploreShare: number
  /** Whether a second provider is asked when the first token is late, where a request does not say. */
  readonly hedge: boolean
  /** Second providers asked so, of all requests, 0 to 1. */
  readonly hedgeShare: number
  /** Providers asked after the first one. */
  readonly retriesMax: number
  /** How long the provider that served a conversation is preferred for it, ms; 0 for not at all. */
  readonly affinityMs: number
  readonly aliases: ModelAliases
}

export const ROUTING_DEFAULTS: RoutingSettings = {
  sort: 'balanced',
  exploreShare: 0.05,
  hedge: false,
  hedgeShare: 0.1,
  // The chance that six fail one after the other is one in a million where one in ten does.
  retriesMax: 5,
  // Engines keep what they have read until others need the memory: minutes, at a busy one.
  affinityMs: 10 * 60_000,
  aliases: new Map(),
}
