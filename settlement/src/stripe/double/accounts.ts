import type Stripe from 'stripe'
import { z } from 'zod'
import { invalidRequest, resourceMissing } from './fault.ts'
import { balanceOf } from './money.ts'
import { type Context, operation } from './operation.ts'
import { boolean, id, metadata, text } from './params.ts'
import type {
  AccountLinkRecord,
  AccountRecord,
  CapabilityStatus,
  RequirementRecord,
} from './state.ts'

type Account = Stripe.V2.Core.Account
type StatusDetail =
  Stripe.V2.Core.Account.Configuration.Recipient.Capabilities.StripeBalance.StripeTransfers.StatusDetail

/** What a new account is asked for. */
const identity = 'identity.individual'

const statusCodes: Readonly<Record<CapabilityStatus, string | undefined>> = {
  active: undefined,
  pending: 'requirements_pending_verification',
  rejected: 'rejected_other',
  restricted: 'requirements_past_due',
}

// docs.stripe.com/connect/cross-border-payouts: US, UK, EEA, CA and CH pay each other.
const countries = new Set(
  'AT BE BG CA CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK US'.split(
    ' ',
  ),
)

// A link is single-use and short-lived: docs.stripe.com/api/v2/core/account-links. Five minutes is ours.
const linkTtlMs = 5 * 60_000

const include = z
  .array(
    z.enum([
      'configuration.customer',
      'configuration.merchant',
      'configuration.recipient',
      'defaults',
      'future_requirements',
      'identity',
      'requirements',
    ]),
  )
  .max(10)
  .default([])
type Include = z.infer<typeof include>

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
  if (link.used || context.nowMs > link.expiresAtMs) {
    return { outcome: 'refresh', refreshUrl: link.refreshUrl }
  }
  link.used = true
  setRequirements(context, link.account, [])
  setTransfersCapability(context, link.account, 'active')
  context.emitThin('v2.core.account_link.returned', link.account)
  return { outcome: 'finished', returnUrl: link.returnUrl }
}

export function setTransfersCapability(
  context: Context,
  accountId: string,
  status: CapabilityStatus,
  code = statusCodes[status],
): void {
  const account = findAccount(context, accountId)
  if (code === undefined) delete account.statusCode
  else account.statusCode = code
  if (account.transfers === status) return
  account.transfers = status
  context.emitThin(
    'v2.core.account[configuration.recipient].capability_status_updated',
    account.id,
    { updated_capability: 'stripe_balance.stripe_transfers' },
  )
}

/** What Stripe still wants to know; with a deadline, transfers stop when it has passed. */
export function setRequirements(
  context: Context,
  accountId: string,
  requirements: readonly RequirementRecord[],
): void {
  const account = findAccount(context, accountId)
  account.requirements = requirements.map((requirement) => ({ ...requirement }))
  for (const { deadline } of requirements) {
    if (deadline !== undefined) {
      context.later('requirements-past-due', accountId, Date.parse(deadline))
    }
  }
  context.emitThin('v2.core.account[requirements].updated', accountId)
}

export function requirementsPastDue(context: Context, accountId: string): void {
  const account = context.state.accounts.get(accountId)
  const late = account?.requirements.filter(
    ({ due, deadline }) =>
      due !== 'past_due' && deadline !== undefined && Date.parse(deadline) <= context.nowMs,
  )
  if (account === undefined || late === undefined || late.length === 0 || account.closed) return
  for (const requirement of late) requirement.due = 'past_due'
  context.emitThin('v2.core.account[requirements].updated', accountId)
  setTransfersCapability(context, accountId, 'restricted', 'requirements_past_due')
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

/** Closed by the platform, by Stripe, or because the provider left. */
export function endAccount(context: Context, accountId: string): void {
  const account = findAccount(context, accountId)
  if (account.closed) return
  account.closed = true
  setTransfersCapability(context, accountId, 'restricted', 'restricted_other')
  context.emitThin('v2.core.account.closed', accountId)
}

/** The provider disconnects from the platform: what remains on the balance is the provider's. */
export function deauthorizeAccount(context: Context, accountId: string): void {
  const account = findAccount(context, accountId)
  endAccount(context, accountId)
  account.deauthorized = true
  const application = { id: 'ca_hanse', object: 'application', name: 'Hanse' }
  context.emit('account.application.deauthorized', application, accountId)
}

function useCaseOf(
  type: 'account_onboarding' | 'account_update',
  urls: { readonly refresh_url: string; readonly return_url?: string },
): Stripe.V2.Core.AccountLink.UseCase {
  return type === 'account_update'
    ? { type, account_update: urls }
    : { type, account_onboarding: urls }
}

function findAccount({ state }: Context, accountId: string): AccountRecord {
  const account = state.accounts.get(accountId)
  if (account === undefined || account.deauthorized) throw resourceMissing('account', accountId)
  return account
}

/** Stripe answers with null in place of the parts that `include` does not name; here they are absent. */
function accountObject(account: AccountRecord, parts: Include): Account {
  const shows = (part: Include[number]): boolean => parts.includes(part)
  return {
    id: account.id,
    object: 'v2.core.account',
    applied_configurations: ['recipient'],
    closed: account.closed,
    ...(account.contactEmail !== undefined && { contact_email: account.contactEmail }),
    created: account.created,
    dashboard: account.dashboard,
    ...(account.displayName !== undefined && { display_name: account.displayName }),
    livemode: false,
    metadata: account.metadata,
    ...(shows('configuration.recipient') && { configuration: { recipient: recipientOf(account) } }),
    ...(shows('defaults') && {
      defaults: {
        currency: 'eur',
        responsibilities: {
          fees_collector: account.feesCollector,
          losses_collector: account.lossesCollector,
          requirements_collector: 'stripe',
        },
      },
    }),
    ...(shows('identity') && { identity: { country: account.country.toLowerCase() } }),
    ...(shows('requirements') && { requirements: requirementsOf(account) }),
  }
}

function recipientOf(account: AccountRecord): Stripe.V2.Core.Account.Configuration.Recipient {
  if (!account.transfersRequested) return { applied: true, capabilities: {} }
  const status_details: StatusDetail[] =
    account.transfers === 'active' ? [] : [statusDetail(account)]
  return {
    applied: true,
    capabilities: {
      stripe_balance: { stripe_transfers: { status: account.transfers, status_details } },
    },
  }
}

function statusDetail({ statusCode = 'requirements_pending_verification' }: AccountRecord) {
  return {
    code: statusCode as StatusDetail['code'],
    resolution: statusCode.startsWith('requirements_')
      ? ('provide_info' as const)
      : ('contact_stripe' as const),
  }
}

function requirementsOf({ requirements }: AccountRecord): Stripe.V2.Core.Account.Requirements {
  const deadlines = requirements.flatMap(({ deadline }) => deadline ?? []).sort()
  const [time] = deadlines
  const worst = ['past_due', 'currently_due', 'eventually_due'] as const
  const status = worst.find((due) => requirements.some((requirement) => requirement.due === due))
  return {
    entries: requirements.map(({ what, due }) => ({
      awaiting_action_from: 'user',
      description: what,
      errors: [],
      impact: {
        restricts_capabilities: [
          {
            capability: 'stripe_balance.stripe_transfers',
            configuration: 'recipient',
            deadline: { status: due },
          },
        ],
      },
      minimum_deadline: { status: due },
      requested_reasons: [{ code: 'routine_onboarding' }],
    })),
    ...(status !== undefined && {
      summary: { minimum_deadline: { status, ...(time !== undefined && { time }) } },
    }),
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
