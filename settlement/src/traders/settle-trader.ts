import { DEFAULT_COMPLIANCE } from '../compliance/compliance-terms.ts'
import type { SettlementContext } from '../context.ts'
import type { ProviderProfile } from '../documents/provider-profile.ts'
import type { ProviderRow } from '../tenants/tenant-store.ts'
import {
  type Missing,
  missingOf,
  suspendedFrom,
  type TraderState,
  traderState,
} from './declaration.ts'
import type { StoredTrader } from './trader-store.ts'

/** All that is known of a provider as a trader. */
export interface Trader {
  readonly provider: ProviderRow
  readonly profile: ProviderProfile | undefined
  readonly stored: StoredTrader | undefined
  readonly state: TraderState
  readonly missing: readonly Missing[]
  /** When payouts stop, or stopped, for want of it; null when nothing is missing, or nobody was asked yet. */
  readonly suspendedFrom: number | null
  readonly suspendedSince: number | null
}

/** `undefined` of a provider that nobody knows. */
export async function traderOf(
  context: SettlementContext,
  peerId: string,
): Promise<Trader | undefined> {
  const { store, now } = context
  const provider = await store.provider(peerId)
  if (provider === undefined) return undefined
  const stored = await store.trader(peerId)
  const profile = (await store.providerProfile(peerId, now()))?.profile
  const facts = {
    profile,
    declaration: stored?.declaration,
    payable: provider.payableSince !== null,
    review: stored?.review?.outcome ?? null,
  }
  const missing = missingOf(facts)
  const [asked] = await store.askedTraders({ after: '', limit: 1, provider: peerId })
  const { traderGraceMs } = context.compliance ?? DEFAULT_COMPLIANCE
  return {
    provider,
    profile,
    stored,
    state: traderState(facts),
    missing,
    suspendedFrom:
      asked === undefined ? null : suspendedFrom(missing, asked.askedAt, traderGraceMs),
    suspendedSince: await store.traderSuspension(peerId),
  }
}

/** Stops payouts when the time to say it is over, and lets them go on as soon as all is said. */
export async function settleTrader(context: SettlementContext, peerId: string): Promise<boolean> {
  const { store, now } = context
  const trader = await traderOf(context, peerId)
  if (trader === undefined) return false
  const isOver = trader.suspendedFrom !== null && now() >= trader.suspendedFrom
  if (isOver) await store.suspendTrader(peerId, trader.missing, now())
  else if (trader.suspendedSince !== null) await store.liftTraderSuspension(peerId, now())
  return isOver
}
