import { SORTS } from '../../consumer/request.ts'
import { type ModelAliases, parseAliases } from '../../consumer/routing/model-names.ts'
import { ROUTING_DEFAULTS, type RoutingSettings } from '../../consumer/routing/settings.ts'
import * as kinds from '../kinds.ts'
import type { Setting, Settings } from '../settings.ts'

const modelAlias: Setting<ModelAliases> = {
  description:
    'names that clients may ask for: each stands for a model, and for others, in this order, when nobody serves that',
  placeholder: '<name=model,fallback,…>',
  fallback: ROUTING_DEFAULTS.aliases,
  parse: parseAliases,
}

/** How offers are chosen, and when another provider is asked too. */
export const routingGroup = {
  sort: kinds.oneOf(SORTS, {
    description: 'what counts most in the choice of a provider, where a request does not say',
    fallback: ROUTING_DEFAULTS.sort,
  }),
  modelAlias,
  explorePercent: kinds.integer({
    description: 'requests of a hundred that go to providers of whom little is known',
    fallback: ROUTING_DEFAULTS.exploreShare * 100,
    min: 0,
    max: 50,
  }),
  retriesMax: kinds.integer({
    description: 'providers asked after the first one, when that fails before its first token',
    fallback: ROUTING_DEFAULTS.retriesMax,
    min: 0,
    max: 64,
  }),
  hedge: kinds.toggle({
    description:
      'ask a second provider when the first token is late; the slower one is cancelled, and paid for what it did',
    fallback: ROUTING_DEFAULTS.hedge,
  }),
  hedgePercent: kinds.integer({
    description: 'requests of a hundred for which a second provider is asked, at most',
    fallback: ROUTING_DEFAULTS.hedgeShare * 100,
    min: 0,
    max: 100,
  }),
  affinityMs: kinds.integer({
    description:
      'how long a conversation stays with the provider that served it, where others are not much better, ms; 0 for not at all',
    placeholder: '<ms>',
    fallback: ROUTING_DEFAULTS.affinityMs,
    min: 0,
    max: 86_400_000,
  }),
} as const

/** The settings as the router takes them. */
export function routingOf(settings: Settings<typeof routingGroup>): RoutingSettings {
  return {
    sort: settings.sort,
    aliases: settings.modelAlias,
    exploreShare: settings.explorePercent / 100,
    retriesMax: settings.retriesMax,
    hedge: settings.hedge,
    hedgeShare: settings.hedgePercent / 100,
    affinityMs: settings.affinityMs,
  }
}
