import type Stripe from 'stripe'
import { ask, currency, keyed, marks } from './call.ts'
import { PaymentsError } from './payments-error.ts'

/** Providers' connected accounts. */
export interface AccountPayments {
  /** A country that Stripe does not pay to is `HANSE_STRIPE_REFUSED`. */
  createProviderAccount(request: {
    readonly providerId: string
    /** ISO 3166-1 alpha-2. */
    readonly country: string
    readonly email?: string
    readonly operation: string
  }): Promise<ProviderAccount>
  /**
   * The address of Stripe's page for the provider: single use, good for minutes. `update` asks for
   * what became due after onboarding.
   */
  onboardingLink(request: {
    readonly account: string
    readonly useCase?: 'onboarding' | 'update'
    readonly returnUrl: string
    readonly refreshUrl: string
    readonly operation: string
  }): Promise<string>
  accountState(account: string): Promise<AccountState>
  /** For good. Stripe refuses while the account holds money or owes some. */
  closeAccount(request: {
    readonly account: string
    readonly operation: string
  }): Promise<AccountState>
}

export interface ProviderAccount {
  readonly account: string
  readonly payable: boolean
}

export interface AccountState {
  /** Transfers to it succeed. */
  readonly payable: boolean
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country: string
  readonly closed: boolean
  readonly transfers: 'active' | 'pending' | 'restricted' | 'rejected' | 'unsupported'
  /** Stripe's codes for why transfers are not active: `requirements_past_due` … */
  readonly disabledReasons: readonly string[]
  readonly requirements: readonly AccountRequirement[]
  /** When transfers stop for want of the first of them. */
  readonly deadlineMs: number | undefined
}

export interface AccountRequirement {
  /** What Stripe wants to know, as `identity.individual.verification`. */
  readonly what: string
  readonly from: 'provider' | 'stripe'
  readonly due: 'eventually' | 'currently' | 'past-due'
  /** Stripe's codes for what was wrong with an earlier answer. */
  readonly errors: readonly string[]
}

export function accountPayments(stripe: Stripe): AccountPayments {
  return {
    async createProviderAccount({ providerId, country, email, operation }) {
      const account = await ask(() =>
        stripe.v2.core.accounts.create(
          {
            configuration: {
              recipient: {
                capabilities: { stripe_balance: { stripe_transfers: { requested: true } } },
              },
            },
            // The platform carries fees and losses: providers are paid, they never charge.
            dashboard: 'express',
            defaults: {
              currency,
              responsibilities: { fees_collector: 'application', losses_collector: 'application' },
            },
            identity: { country },
            ...(email !== undefined && { contact_email: email }),
            include: ['configuration.recipient'],
            metadata: { ...marks(operation), hanse_provider: providerId },
          },
          keyed('account', operation),
        ),
      )
      return { account: account.id, payable: isPayable(account) }
    },
    async onboardingLink(request) {
      const urls = { return_url: request.returnUrl, refresh_url: request.refreshUrl }
      const useCase =
        request.useCase === 'update'
          ? ({ type: 'account_update', account_update: urls } as const)
          : ({ type: 'account_onboarding', account_onboarding: urls } as const)
      const link = await ask(() =>
        stripe.v2.core.accountLinks.create(
          { account: request.account, use_case: useCase },
          keyed('account-link', request.operation),
        ),
      )
      return link.url
    },
    async accountState(account) {
      return accountState(await ask(() => stripe.v2.core.accounts.retrieve(account, { include })))
    },
    async closeAccount({ account, operation }) {
      // The answer to `close` shows no parts, so the account is read again.
      await ask(() => stripe.v2.core.accounts.close(account, {}, keyed('close', operation)))
      return accountState(await ask(() => stripe.v2.core.accounts.retrieve(account, { include })))
    },
  }
}

const include: Stripe.V2.Core.AccountRetrieveParams.Include[] = [
  'configuration.recipient',
  'identity',
  'requirements',
]

function accountState(account: Stripe.V2.Core.Account): AccountState {
  const country = account.identity?.country
  if (country === undefined) {
    throw new PaymentsError('HANSE_STRIPE_REFUSED', 'Stripe: the account has no country')
  }
  const transfers = transfersOf(account)
  const deadline = account.requirements?.summary?.minimum_deadline?.time
  return {
    payable: isPayable(account),
    country: country.toUpperCase(),
    closed: account.closed === true,
    transfers: transfers?.status ?? 'unsupported',
    disabledReasons: (transfers?.status_details ?? []).map(({ code }) => code),
    deadlineMs: deadline === undefined ? undefined : Date.parse(deadline),
    requirements: (account.requirements?.entries ?? []).map(requirementOf),
  }
}

const dues = {
  currently_due: 'currently',
  eventually_due: 'eventually',
  past_due: 'past-due',
} as const

function requirementOf(entry: Stripe.V2.Core.Account.Requirements.Entry): AccountRequirement {
  return {
    what: entry.description,
    from: entry.awaiting_action_from === 'stripe' ? 'stripe' : 'provider',
    due: dues[entry.minimum_deadline.status],
    errors: entry.errors.map(({ code }) => code),
  }
}

function transfersOf(account: Stripe.V2.Core.Account) {
  return account.configuration?.recipient?.capabilities?.stripe_balance?.stripe_transfers
}

function isPayable(account: Stripe.V2.Core.Account): boolean {
  return transfersOf(account)?.status === 'active' && account.closed !== true
}
