import type Stripe from 'stripe'
import { z } from 'zod'
import type { AccountRecord } from './state.ts'

type Account = Stripe.V2.Core.Account
type StatusDetail =
  Stripe.V2.Core.Account.Configuration.Recipient.Capabilities.StripeBalance.StripeTransfers.StatusDetail

/** The parts of an account that an answer shows. */
export const include = z
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

/** Stripe answers with null in place of the parts that `include` does not name; here they are absent. */
export function accountObject(account: AccountRecord, parts: Include): Account {
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

export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
