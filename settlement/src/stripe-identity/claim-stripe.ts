import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import { openStripePayments, PaymentsError } from '../stripe/index.ts'
import type { StripeIdentity } from './identity-store.ts'

export interface StripeSetting {
  /** Without it, the double. */
  readonly stripe?: { readonly secretKey: string; readonly webhookSecret: string }
  /** Where a double runs. */
  readonly stripeUrl?: string
}

/** A start waits for Stripe this long, twice at most. */
const ANSWER_MS = 5_000

/**
 * Books belong to one Stripe: the first start says to which, and a start with another is refused before anything is
 * asked of it or written.
 *
 * @param now milliseconds since 1970
 * @param platform asks Stripe whose key it is
 * @throws {SettlementError} HANSE_CONFIG_INVALID; HANSE_PAYMENTS_UNAVAILABLE when Stripe must say and does not answer
 */
export async function claimStripe(
  store: Pick<SettlementStore, 'stripeIdentity' | 'claimStripe'>,
  setting: StripeSetting,
  now: number,
  platform: () => Promise<string> = () => ask(setting),
): Promise<void> {
  const mode = modeOf(setting)
  const known = await store.stripeIdentity()
  if (known !== undefined && known.mode !== mode) throw another(known, mode)
  if (mode === 'double') {
    const kept = known ?? (await store.claimStripe({ account: 'double', mode }, now))
    if (kept.mode !== mode) throw another(kept, mode)
    return
  }
  const account = await accountOf(platform, known)
  const kept = known ?? (await store.claimStripe({ account, mode }, now))
  if (kept.account !== account || kept.mode !== mode) throw another(kept, mode, account)
}

/** @throws {SettlementError} HANSE_CONFIG_INVALID with a key of no known kind, or a live one for another address */
export function modeOf({ stripe, stripeUrl }: StripeSetting): StripeIdentity['mode'] {
  const kind =
    stripe === undefined
      ? 'none'
      : /^[sr]k_(?<kind>live|test)_/u.exec(stripe.secretKey)?.groups?.kind
  if (kind === undefined) {
    throw invalid(
      'STRIPE_SECRET_KEY: not a key that begins with sk_live_, sk_test_, rk_live_ or rk_test_',
    )
  }
  if (stripeUrl !== undefined && kind === 'live') {
    throw invalid('stripe-url is for a double: a live STRIPE_SECRET_KEY would be sent there')
  }
  return stripeUrl !== undefined || kind === 'none' ? 'double' : kind === 'live' ? 'live' : 'test'
}

/** Without an answer, a service whose books are known goes on: receipts are booked without Stripe. */
async function accountOf(
  platform: () => Promise<string>,
  known: StripeIdentity | undefined,
): Promise<string> {
  try {
    return await platform()
  } catch (cause) {
    if (!(cause instanceof PaymentsError)) throw cause
    if (cause.code !== 'HANSE_STRIPE_UNAVAILABLE') {
      throw invalid(`STRIPE_SECRET_KEY: Stripe does not say whose it is. ${cause.message}`, cause)
    }
    if (known !== undefined) return known.account
    throw new SettlementError(
      'HANSE_PAYMENTS_UNAVAILABLE',
      'the first start on these books needs Stripe to say whose STRIPE_SECRET_KEY is',
      { cause },
    )
  }
}

const ask = ({ stripe }: StripeSetting): Promise<string> =>
  openStripePayments({
    secretKey: '',
    webhookSecret: '',
    ...stripe,
    timeoutMs: ANSWER_MS,
    maxNetworkRetries: 1,
  }).platformAccount()

function another(
  known: StripeIdentity,
  mode: StripeIdentity['mode'],
  account = mode === 'double' ? 'the double' : `Stripe in ${mode} mode`,
): SettlementError {
  const own = known.mode === 'double' ? 'the double of Stripe' : `${known.account} (${known.mode})`
  const missing = mode === 'double' ? '; set STRIPE_SECRET_KEY, or the service’s environment' : ''
  return invalid(
    `these books belong to ${own}, not to ${account}${missing}. Empty books move with \`hanse-settlement db forget-stripe\``,
  )
}

const invalid = (message: string, cause?: unknown) =>
  new SettlementError('HANSE_CONFIG_INVALID', message, cause === undefined ? {} : { cause })
