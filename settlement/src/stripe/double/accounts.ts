import type Stripe from 'stripe'
import { z } from 'zod'
import {
  endAccount,
  findAccount,
  setRequirements,
  setTransfersCapability,
} from './account-changes.ts'
import { accountObject, include, isoTime } from './account-object.ts'
import { invalidRequest } from './fault.ts'
import { balanceOf } from './money.ts'
import { type Context, operation } from './operation.ts'
import { boolean, id, metadata, text } from './params.ts'
import type { AccountLinkRecord, AccountRecord } from './state.ts'

/** What a new account is asked for. */
const identity = 'identity.individual'

// docs.stripe.com/connect/cross-border-payouts: US, UK, EEA, CA and CH pay each other.
const countries = new Set(
  'AT BE BG CA CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK US'.split(
    ' ',
  ),
)

// A link is single-use and short-lived: docs.stripe.com/api/v2/core/account-links. Five minutes is ours.
const linkTtlMs = 5 * 60_000

const responsibilities = z.strictObject({
  fees_collector: z.enum(['application', 'application_custom', 'application_express', 'stripe']),
  losses_collector: z.enum(['application', 'stripe']),
})

export const createAccount = operation({
  name: 'V2.Core.Accounts.create',
  method: 'POST',
  path: '/v2/core/accounts',
  params: z.strictObject({
    configuration: z.strictObject({
      recipient: z.strictObject({
        capabilities: z.strictObject({
          stripe_balance: z.strictObject({
            stripe_transfers: z.strictObject({ requested: boolean }),
          }),
        }),
      }),
    }),
    identity: z.strictObject({
      country: z.string().length(2),
      entity_type: z.enum(['company', 'government_entity', 'individual', 'non_profit']).optional(),
    }),
    dashboard: z.enum(['express', 'full', 'none']).default('express'),
    defaults: z.strictObject({ responsibilities, currency: z.literal('eur').optional() }),
    contact_email: z.email().optional(),
    display_name: text.optional(),
    include,
    metadata,
  }),
  run(params, context) {
    const country = params.identity.country.toUpperCase()
    if (!countries.has(country)) {
      throw invalidRequest(`Country '${country}' is not supported`, undefined, 'identity.country')
    }
    const { stripe_transfers: transfers } =
      params.configuration.recipient.capabilities.stripe_balance
    const account: AccountRecord = {
      id: context.newId('acct'),
      created: isoTime(context.nowMs),
      country,
      ...(params.identity.entity_type !== undefined && { entityType: params.identity.entity_type }),
      ...(params.contact_email !== undefined && { contactEmail: params.contact_email }),
      ...(params.display_name !== undefined && { displayName: params.display_name }),
      dashboard: params.dashboard,
      feesCollector: params.defaults.responsibilities.fees_collector,
      lossesCollector: params.defaults.responsibilities.losses_collector,
      transfersRequested: transfers.requested,
      metadata: params.metadata,
      transfers: 'pending',
      requirements: [{ what: identity, due: 'currently_due' }],
      closed: false,
      deauthorized: false,
      bank: 'good',
      payoutsPaused: false,
    }
    context.state.accounts.set(account.id, account)
    context.emitThin('v2.core.account.created', account.id)
    return accountObject(account, params.include)
  },
})

export const retrieveAccount = operation({
  name: 'V2.Core.Accounts.retrieve',
  method: 'GET',
  path: '/v2/core/accounts/:id',
  params: z.strictObject({ include }),
  run: (params, context) =>
    accountObject(findAccount(context, context.ids[0] ?? ''), params.include),
})

export const listAccounts = operation({
  name: 'V2.Core.Accounts.list',
  method: 'GET',
  path: '/v2/core/accounts',
  params: z.strictObject({
    limit: z
      .string()
      .regex(/^\d{1,3}$/)
      .transform(Number)
      .pipe(z.int().min(1).max(100))
      .default(20),
    // The token of `next_page_url`.
    page: id.optional(),
  }),
  run({ limit, page }, { state }) {
    const newestFirst = [...state.accounts.values()].reverse()
    const from = page === undefined ? 0 : newestFirst.findIndex((it) => it.id === page) + 1
    const data = newestFirst.slice(from, from + limit)
    const last = data.at(-1)
    const more = last !== undefined && from + data.length < newestFirst.length
    return {
      data: data.map((account) => accountObject(account, [])),
      next_page_url: more ? `/v2/core/accounts?limit=${limit}&page=${last.id}` : null,
      previous_page_url: null,
    }
  },
})

const webUrl = z.url({ protocol: /^https?$/ }).max(2_048)
const urls = z.strictObject({ refresh_url: webUrl, return_url: webUrl.optional() })

export const createAccountLink = operation({
  name: 'V2.Core.AccountLinks.create',
  method: 'POST',
  path: '/v2/core/account_links',
  params: z.strictObject({
    account: id,
    use_case: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('account_onboarding'), account_onboarding: urls }),
      z.strictObject({ type: z.literal('account_update'), account_update: urls }),
    ]),
  }),
  run({ account, use_case }, context): Stripe.V2.Core.AccountLink {
    const { closed } = findAccount(context, account)
    if (closed) throw invalidRequest('The account is closed.', 'account_closed')
    const { refresh_url, return_url } =
      use_case.type === 'account_update' ? use_case.account_update : use_case.account_onboarding
    const link: AccountLinkRecord = {
      id: context.newId('link'),
      account,
      expiresAtMs: context.nowMs + linkTtlMs,
      refreshUrl: refresh_url,
      ...(return_url !== undefined && { returnUrl: return_url }),
      used: false,
    }
    context.state.accountLinks.set(link.id, link)
    return {
      object: 'v2.core.account_link',
      account,
      created: isoTime(context.nowMs),
      expires_at: isoTime(link.expiresAtMs),
      livemode: false,
      url: `${context.baseUrl}/onboarding/${link.id}`,
      use_case: useCaseOf(use_case.type, {
        refresh_url,
        ...(return_url !== undefined && { return_url }),
      }),
    }
  },
})

export type Onboarded =
  | { readonly outcome: 'finished'; readonly returnUrl: string | undefined }
  | { readonly outcome: 'refresh'; readonly refreshUrl: string }
  | { readonly outcome: 'unknown' }

/** What the hosted page does when the provider has answered its questions. */
export function finishOnboarding(context: Context, linkId: string): Onboarded {
  const link = context.state.accountLinks.get(linkId)
  if (link === undefined) return { outcome: 'unknown' }
  const { closed } = findAccount(context, link.account)
  if (closed || link.used || context.nowMs > link.expiresAtMs) {
    return { outcome: 'refresh', refreshUrl: link.refreshUrl }
  }
  link.used = true
  setRequirements(context, link.account, [])
  setTransfersCapability(context, link.account, 'active')
  context.emitThin('v2.core.account_link.returned', link.account)
  return { outcome: 'finished', returnUrl: link.returnUrl }
}

export const closeAccount = operation({
  name: 'V2.Core.Accounts.close',
  method: 'POST',
  path: '/v2/core/accounts/:id/close',
  params: z.strictObject({ applied_configurations: z.array(z.literal('recipient')).optional() }),
  run(_params, context) {
    const account = findAccount(context, context.ids[0] ?? '')
    const { available, pending } = balanceOf(context.state, account.id)
    if (available !== 0 || pending !== 0) {
      throw invalidRequest('The account cannot be closed while its balance is not zero.')
    }
    endAccount(context, account.id)
    return accountObject(account, [])
  },
})

function useCaseOf(
  type: 'account_onboarding' | 'account_update',
  urls: { readonly refresh_url: string; readonly return_url?: string },
): Stripe.V2.Core.AccountLink.UseCase {
  return type === 'account_update'
    ? { type, account_update: urls }
    : { type, account_onboarding: urls }
}
