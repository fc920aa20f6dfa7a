import { createHash } from 'node:crypto'
import {
  bindingSigners,
  CLOCK_SKEW_MS,
  openSigned,
  type ProviderBinding,
  providerBinding,
  type SignedRecord,
} from '@hanse/protocol'
import { attest } from '../attestations/attest.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { encodeSigned } from '../receipts/submission.ts'
import {
  type AccountRequirement,
  type AccountState,
  type Payments,
  PaymentsError,
} from '../stripe/index.ts'
import type { ProviderRow } from '../tenants/tenant-store.ts'

/** A provider as the API shows it. */
export interface ProviderAccount {
  readonly peerId: string
  readonly country: string
  readonly payable: boolean
  /** What the platform keeps of what its consumers pay, basis points: as its terms were when it joined. */
  readonly feeBps: number
  /**
   * Stripe's page for the owner, while something is left to do there. Only the answer to a signed binding carries it:
   * whoever has it could give their own bank account.
   */
  readonly onboardingUrl: string | null
  /** What Stripe wants to know, and by when, milliseconds since 1970; only in the answer to a signed binding. */
  readonly requirements?: readonly AccountRequirement[]
  readonly deadlineMs?: number | null
  /** What this service attests of where the provider is, once it has evidence of it. */
  readonly attestation: SignedRecord | null
}

/** Stripe's links are good for one visit: a new operation each minute gives a new link. */
const LINK_MS = 60_000
const DIGEST_LETTERS = 16

/**
 * Binds a provider to a payout account in the country that its signed binding names; repeated, finds it.
 *
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_*
 * @throws {SettlementError} HANSE_REQUEST_INVALID, HANSE_PROVIDER_COUNTRY, HANSE_PROVIDER_COUNTRY_UNSUPPORTED
 */
export async function bindProvider(
  context: SettlementContext,
  signed: SignedRecord,
): Promise<ProviderAccount> {
  const { store, now, terms } = context
  const value = openBinding(context, signed)
  if (!terms.payoutCountries.includes(value.country)) {
    throw new SettlementError(
      'HANSE_PROVIDER_COUNTRY_UNSUPPORTED',
      `providers in ${value.country} cannot be paid`,
    )
  }
  const row = await store.addProvider({
    peerId: value.provider,
    country: value.country,
    feeBps: terms.feeBps,
    binding: encodeSigned(signed),
    at: now(),
  })
  if (row.country !== value.country) {
    throw new SettlementError('HANSE_PROVIDER_COUNTRY', `the payout account is in ${row.country}`)
  }
  const bound = await withAccount(context, row)
  const account = await toAccount(context, bound.row)
  const { requirements, deadlineMs, isOpen } = standingOf(bound)
  const page = `${context.publicUrl()}/v1/providers/${account.peerId}`
  const onboardingUrl = isOpen ? await onboardingLink(context, bound.row, page) : null
  return { ...account, onboardingUrl, requirements, deadlineMs }
}

/** How a payout account is, for whoever looks after the provider. */
export interface AccountStanding {
  readonly country: string
  readonly payable: boolean
  readonly requirements: readonly AccountRequirement[]
  /** By when Stripe wants to know it, milliseconds since 1970. */
  readonly deadlineMs: number | null
  /** Whether something is left to do on Stripe's page. */
  readonly isOpen: boolean
}

/** Asks Stripe. @throws {SettlementError} HANSE_PROVIDER_UNKNOWN */
export async function accountStanding(
  context: SettlementContext,
  peerId: string,
): Promise<AccountStanding> {
  return standingOf(await lookAt(context, await knownProvider(context, peerId)))
}

/**
 * Stripe's page for the owner, good for one visit; it leads back to `page`. Who has it could give their own bank account:
 * it is for whoever the node's key has let in, and has just shown who they are.
 *
 * @throws {SettlementError} HANSE_PROVIDER_UNKNOWN where there is no account, or no longer: the node binds itself to a new one
 */
export async function onboardingPage(
  context: SettlementContext,
  peerId: string,
  page: string,
): Promise<string> {
  const { row, state } = await lookAt(context, await knownProvider(context, peerId))
  const link = state?.closed === false ? await onboardingLink(context, row, page) : null
  if (link === null) throw unknown(peerId)
  return link
}

function standingOf({ row, state }: Looked): AccountStanding {
  const { requirements = [], deadlineMs = null } = state ?? {}
  const payable = row.payableSince !== null
  const isDue = requirements.some(({ from, due }) => from === 'provider' && due !== 'eventually')
  return { country: row.country, payable, requirements, deadlineMs, isOpen: !payable || isDue }
}

function openBinding(context: SettlementContext, signed: SignedRecord): ProviderBinding {
  const { value } = openSigned(context, providerBinding, signed, bindingSigners)
  if (value.settlement !== context.signer.peerId) {
    throw new SettlementError('HANSE_REQUEST_INVALID', 'the binding is for another settlement')
  }
  if (value.notAfter <= context.now() || value.issuedAt > context.now() + CLOCK_SKEW_MS) {
    throw new SettlementError('HANSE_REQUEST_INVALID', 'the binding is not valid now')
  }
  return value
}

/** Gives a provider its account at Stripe, and a new one when the old one was closed or taken away. */
async function withAccount(context: SettlementContext, given: ProviderRow): Promise<Looked> {
  const { store, payments } = context
  const first = await lookAt(context, given)
  if (first.row.account !== null && first.state?.closed === false) return first
  if (first.row.account !== null) await store.retireProviderAccount(given.peerId, first.row.account)
  const row = (await store.provider(given.peerId)) ?? first.row
  // The row names the operation: a crash before the next line finds the same account again.
  const { account } = await payments.createProviderAccount({
    providerId: row.peerId,
    country: row.country,
    operation: `provider-${row.peerId}${row.formerAccount === null ? '' : `-${row.formerAccount}`}`,
  })
  await store.setProviderAccount(row.peerId, account)
  return lookAt(context, (await store.provider(row.peerId)) ?? row)
}

/** What anybody may know of a provider. @throws {SettlementError} HANSE_PROVIDER_UNKNOWN */
export async function providerAccount(
  context: SettlementContext,
  peerId: string,
): Promise<ProviderAccount> {
  return toAccount(context, await refreshProvider(context, peerId))
}

async function toAccount(context: SettlementContext, row: ProviderRow): Promise<ProviderAccount> {
  const attested = await attest(context, row)
  return {
    peerId: row.peerId,
    country: row.country,
    payable: row.payableSince !== null,
    feeBps: row.feeBps,
    onboardingUrl: null,
    attestation: 'attestation' in attested ? attested.attestation : null,
  }
}

/** Asks Stripe how the account is, and keeps the answer. @throws {SettlementError} HANSE_PROVIDER_UNKNOWN */
export async function refreshProvider(
  context: SettlementContext,
  peerId: string,
): Promise<ProviderRow> {
  return (await lookAt(context, await knownProvider(context, peerId))).row
}

async function knownProvider({ store }: SettlementContext, peerId: string): Promise<ProviderRow> {
  const row = await store.provider(peerId)
  if (row === undefined) throw unknown(peerId)
  return row
}

/** A provider, and what Stripe says of its account; nothing where that is gone. */
interface Looked {
  readonly row: ProviderRow
  readonly state: AccountState | undefined
}

async function lookAt(
  { store, payments, now }: SettlementContext,
  row: ProviderRow,
): Promise<Looked> {
  if (row.account === null) return { row, state: undefined }
  const state = await accountState(payments, row.account)
  // An account that Stripe knows in another country proves nothing about this one.
  const good = state?.payable === true && state.country === row.country
  if (good !== (row.payableSince !== null)) {
    await store.setProviderPayable(row.peerId, good, now())
  }
  return { row: (await store.provider(row.peerId)) ?? row, state }
}

/** Stripe's codes for an account that is not ours to ask about any more: its owner has taken it away, or it is deleted. */
const GONE = new Set(['account_invalid', 'account_closed', 'resource_missing', 'not_found'])

/** How an account is; undefined when it is gone. */
async function accountState(
  payments: Payments,
  account: string,
): Promise<AccountState | undefined> {
  try {
    return await payments.accountState(account)
  } catch (error) {
    if (error instanceof PaymentsError && GONE.has(error.stripeCode ?? '')) return undefined
    throw error
  }
}

/** @param page where Stripe leads back to */
async function onboardingLink(
  { payments, now }: SettlementContext,
  { account, payableSince }: ProviderRow,
  page: string,
): Promise<string | null> {
  if (account === null) return null
  // Who can be paid has finished onboarding; what became due later has a page of its own.
  const useCase = payableSince === null ? 'onboarding' : 'update'
  return payments.onboardingLink({
    account,
    useCase,
    returnUrl: page,
    refreshUrl: page,
    operation: `${useCase}-${account}-${Math.floor(now() / LINK_MS)}-${digestOf(page)}`,
  })
}

/** One operation of Stripe always asks for the same. */
const digestOf = (page: string): string =>
  createHash('sha256').update(page).digest('hex').slice(0, DIGEST_LETTERS)

const unknown = (peerId: string) =>
  new SettlementError('HANSE_PROVIDER_UNKNOWN', `${peerId} has no payout account here`)
