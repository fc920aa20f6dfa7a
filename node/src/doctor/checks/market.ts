import {
  ANYWHERE,
  EU_ONLY,
  type Exclusion,
  formatPrice,
  type KnownOffer,
  matchOffers,
  type OfferedModel,
  type picoEuro,
  type Residency,
} from '@hanse/protocol'
import { type Finding, fail, ok, unknown, warn } from '../finding.ts'
import type { ProviderFacts } from '../provider-facts.ts'

/** At four cheaper free slots of five, orders only come when those are full. */
const CHEAPER_SHARE_MAX = 0.8
/** Renewed well before: a week leaves time to finish what settlement asks for. */
const EVIDENCE_SOON_MS = 7 * 86_400_000

/** What a consumer with this policy would say of the own offer: by the protocol's own rules, never by ours. */
function exclusionsBy(
  { stranger, settlement, now }: ProviderFacts,
  residency: Residency,
): readonly Exclusion[] | undefined {
  const own = stranger?.offer
  if (own === undefined) return undefined
  // A default consumer trusts the settlement that it pays through, which is ours when it can order from us at all.
  const issuers = own.attestations.map(({ issuer }) => String(issuer))
  const trustedAttestors = settlement?.peerId === undefined ? issuers : [settlement.peerId]
  const { excluded } = matchOffers([own], { residency: { ...residency, trustedAttestors }, now })
  return excluded[0]?.reasons ?? []
}

export function defaultConsumersMatch(facts: ProviderFacts): Finding | undefined {
  const id = 'match.default'
  const reasons = exclusionsBy(facts, EU_ONLY)
  if (reasons === undefined) return undefined
  if (reasons.length === 0) return ok(id, 'a consumer with default settings may order from you')
  // Without settlement it is a market among friends, who set their own policy.
  const judge = facts.terms.settlementUrl === undefined ? warn : fail
  return judge(
    id,
    `consumers with default settings (EU, evidence level 3) exclude you: ${said(reasons)}`,
    `To change it: ${reasons.map(({ change }) => change).join('; ')}.`,
    { codes: reasons.map(({ code }) => code) },
  )
}

export function homelabConsumersMatch(facts: ProviderFacts): Finding | undefined {
  const id = 'match.anywhere'
  const reasons = exclusionsBy(facts, ANYWHERE)
  if (reasons === undefined) return undefined
  return reasons.length === 0
    ? ok(id, 'a consumer without a residency policy may order from you')
    : fail(
        id,
        `even consumers without a residency policy exclude you: ${said(reasons)}`,
        `To change it: ${reasons.map(({ change }) => change).join('; ')}.`,
        { codes: reasons.map(({ code }) => code) },
      )
}

const said = (reasons: readonly Exclusion[]): string =>
  reasons.map(({ message }) => message).join('; ')

/** What gateways ask for by default. */
export function evidenceEnough({ status, terms }: ProviderFacts): Finding | undefined {
  const id = 'evidence.level'
  if (status === undefined) return undefined
  const level = status.evidenceLevel
  const facts = { level, asked: EU_ONLY.minLevel }
  if (level >= EU_ONLY.minLevel) return ok(id, `evidence of location is level ${level}`, facts)
  return terms.settlementUrl === undefined
    ? warn(
        id,
        `no settlement attests the location: level ${level}, and gateways ask for ${EU_ONLY.minLevel} by default`,
        'Set --settlement-url; in a homelab, let consumers ask for less: hanse gateway --min-level 0.',
        facts,
      )
    : fail(
        id,
        `evidence of location is level ${level}, gateways ask for ${EU_ONLY.minLevel} by default`,
        'Finish onboarding at settlement (see settlement.payable): the verified payout account is level 3.',
        facts,
      )
}

export function evidenceLasts({ status, now }: ProviderFacts): Finding | undefined {
  const id = 'evidence.expiry'
  if (status === undefined || status.evidenceUntil === 0) return undefined
  const leftMs = status.evidenceUntil - now
  const facts = { until: new Date(status.evidenceUntil).toISOString() }
  const advice =
    'Restart the provider with settlement reachable: it then asks for a new attestation.'
  if (leftMs <= 0) return fail(id, 'the evidence of location has expired', advice, facts)
  const days = Math.floor(leftMs / 86_400_000)
  return leftMs < EVIDENCE_SOON_MS
    ? warn(id, `the evidence of location expires in ${days} days`, advice, facts)
    : ok(id, `the evidence of location is good for ${days} days`, facts)
}

/** Consumers take the cheapest output first: whoever is dearer waits until the others are full. */
export function pricesCompete(facts: ProviderFacts): Finding | undefined {
  const id = 'prices.market'
  const { stranger, status } = facts
  if (stranger === undefined || !stranger.joined) return undefined
  const own = stranger.offer?.offer.models ?? status?.models
  if (own === undefined || own.length === 0) return undefined
  const places = own
    .map((model) => placeOf(model, stranger.others, facts.now))
    .filter((place) => place !== undefined)
  const worst = places.toSorted((a, b) => b.cheaperShare - a.cheaperShare)[0]
  if (worst === undefined) {
    return ok(id, 'nobody else offers your models', { competitors: 0 })
  }
  const percent = Math.round(worst.cheaperShare * 100)
  const shown = {
    model: worst.model,
    outputPrice: formatPrice(worst.outputPrice),
    median: formatPrice(worst.median),
    cheapest: formatPrice(worst.cheapest),
    competitors: worst.competitors,
    cheaperFreeSlotsPercent: percent,
  }
  return worst.cheaperShare >= CHEAPER_SHARE_MAX
    ? warn(
        id,
        `${percent} % of the free slots for ${worst.model} are cheaper than your ${shown.outputPrice}`,
        `Ask ${shown.median} or less (--output-price), as half of the market does; hanse price advise says more.`,
        shown,
      )
    : ok(id, `${percent} % of the free slots for ${worst.model} are cheaper than yours`, shown)
}

interface Place {
  readonly model: string
  readonly outputPrice: ReturnType<typeof picoEuro>
  readonly median: ReturnType<typeof picoEuro>
  readonly cheapest: ReturnType<typeof picoEuro>
  readonly competitors: number
  /** Of the free slots of others, 0 to 1. */
  readonly cheaperShare: number
}

function placeOf(
  own: Pick<OfferedModel, 'id' | 'inputPrice' | 'outputPrice'>,
  others: readonly KnownOffer[],
  now: number,
): Place | undefined {
  const rivals = others
    .filter(({ offer }) => offer.notAfter > now)
    .flatMap(({ offer }) => offer.models)
    .filter(({ id, aliases }) => id === own.id || aliases.includes(own.id))
  const sorted = rivals.map(({ outputPrice }) => outputPrice).toSorted((a, b) => (a < b ? -1 : 1))
  const median = sorted[Math.floor((sorted.length - 1) / 2)]
  const cheapest = sorted[0]
  if (median === undefined || cheapest === undefined) return undefined
  const free = (models: readonly OfferedModel[]) =>
    models.reduce((sum, { freeSlots }) => sum + freeSlots, 0)
  const cheaper = rivals.filter(
    ({ outputPrice, inputPrice }) =>
      outputPrice < own.outputPrice ||
      (outputPrice === own.outputPrice && inputPrice < own.inputPrice),
  )
  const all = free(rivals)
  return {
    model: own.id,
    outputPrice: own.outputPrice,
    median,
    cheapest,
    competitors: rivals.length,
    cheaperShare: all === 0 ? 0 : free(cheaper) / all,
  }
}

/** Who never looks further than the newest offers has to find some slot free. */
export function marketSeen({ stranger }: ProviderFacts): Finding | undefined {
  const id = 'market.others'
  if (stranger === undefined || !stranger.joined) return undefined
  const count = stranger.others.length
  return count > 0
    ? ok(id, `${count} other providers are on this market`, { providers: count })
    : unknown(
        id,
        'nobody else is on this market',
        'If you expected others, check --network and --bootstrap: consumers may be on another one.',
        { providers: 0 },
      )
}
