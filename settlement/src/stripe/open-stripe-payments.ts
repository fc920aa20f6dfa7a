import Stripe from 'stripe'
import { amountOfCents, centsOfAmount } from './cents.ts'
import type { Balance, BalanceMovement, Payments, StripeEvent, TopUp } from './payments.ts'
import { PaymentsError, paymentsErrorOf } from './payments-error.ts'

export interface StripePaymentsOptions {
  readonly secretKey: string
  /** The signing secret of our webhook endpoint. */
  readonly webhookSecret: string
  /** Where Stripe is; without it, Stripe itself. */
  readonly host?: string
  readonly port?: number
  readonly protocol?: 'http' | 'https'
  /** Milliseconds since the epoch, for the age of webhooks. */
  readonly now?: () => number
  readonly maxNetworkRetries?: number
  readonly timeoutMs?: number
}

// Stripe waits up to 80 s by default; a payout run would rather ask again under the same key.
const timeoutMsDefault = 30_000
const retriesDefault = 2
// Stripe's own default: docs.stripe.com/webhooks
const webhookToleranceS = 300
const currency = 'eur'
/** Stripe's key has at most 255 characters; the rest is our prefix. */
const operationPattern = /^[\w.:-]{1,200}$/

/** Payments on the `stripe` library: one code path for Stripe itself and for the double. */
export function openStripePayments(options: StripePaymentsOptions): Payments {
  return new StripePayments(options)
}

type Given<K extends keyof Payments> = Parameters<Payments[K]>[0]

class StripePayments implements Payments {
  readonly #stripe: Stripe
  readonly #webhookSecret: string
  readonly #now: () => number

  constructor(options: StripePaymentsOptions) {
    this.#stripe = new Stripe(options.secretKey, {
      telemetry: false,
      maxNetworkRetries: options.maxNetworkRetries ?? retriesDefault,
      timeout: options.timeoutMs ?? timeoutMsDefault,
      ...(options.host !== undefined && { host: options.host }),
      ...(options.port !== undefined && { port: options.port }),
      ...(options.protocol !== undefined && { protocol: options.protocol }),
    })
    this.#webhookSecret = options.webhookSecret
    this.#now = options.now ?? Date.now
  }

  async createProviderAccount({
    providerId,
    country,
    operation,
  }: Given<'createProviderAccount'>): Promise<{ account: string; payable: boolean }> {
    const account = await ask(() =>
      this.#stripe.v2.core.accounts.create(
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
          include: ['configuration.recipient'],
          metadata: { ...marks(operation), hanse_provider: providerId },
        },
        keyed('account', operation),
      ),
    )
    return { account: account.id, payable: isPayable(account) }
  }

  async onboardingLink(request: Given<'onboardingLink'>): Promise<string> {
    const link = await ask(() =>
      this.#stripe.v2.core.accountLinks.create(
        {
          account: request.account,
          use_case: {
            type: 'account_onboarding',
            account_onboarding: {
              return_url: request.returnUrl,
              refresh_url: request.refreshUrl,
            },
          },
        },
        keyed('account-link', request.operation),
      ),
    )
    return link.url
  }

  async accountState(account: string): Promise<{ payable: boolean; country: string }> {
    const found = await ask(() =>
      this.#stripe.v2.core.accounts.retrieve(account, {
        include: ['configuration.recipient', 'identity'],
      }),
    )
    const country = found.identity?.country
    if (country === undefined) {
      throw new PaymentsError('HANSE_STRIPE_REFUSED', 'Stripe: the account has no country')
    }
    return { payable: isPayable(found), country: country.toUpperCase() }
  }

  async createCustomer({
    organization,
    operation,
  }: Given<'createCustomer'>): Promise<{ customer: string }> {
    const customer = await ask(() =>
      this.#stripe.customers.create(
        { metadata: { ...marks(operation), hanse_organization: organization } },
        keyed('customer', operation),
      ),
    )
    return { customer: customer.id }
  }

  async topUp(request: Given<'topUp'>): Promise<TopUp> {
    const amount = amountOfCents(request.cents)
    const intent = await ask(() =>
      this.#stripe.paymentIntents.create(
        {
          amount,
          currency,
          // No redirect can be followed when the customer is not there.
          automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
          confirm: true,
          off_session: true,
          payment_method: request.paymentMethod,
          ...(request.customer !== undefined && { customer: request.customer }),
          metadata: { ...marks(request.operation), hanse_organization: request.organization },
        },
        keyed('top-up', request.operation),
      ),
    )
    return topUpOf(intent)
  }

  async topUpState(paymentIntent: string): Promise<TopUp> {
    return topUpOf(await ask(() => this.#stripe.paymentIntents.retrieve(paymentIntent)))
  }

  async transfer(request: Given<'transfer'>): Promise<{ transfer: string }> {
    const amount = amountOfCents(request.cents)
    const transfer = await ask(() =>
      this.#stripe.transfers.create(
        {
          amount,
          currency,
          destination: request.account,
          transfer_group: request.transferGroup,
          metadata: marks(request.operation),
        },
        keyed('transfer', request.operation),
      ),
    )
    return { transfer: transfer.id }
  }

  async findTransfer({
    operation,
    transferGroup,
  }: Given<'findTransfer'>): Promise<{ transfer: string; cents: bigint } | undefined> {
    return ask(async () => {
      const list = this.#stripe.transfers.list({ transfer_group: transferGroup, limit: 100 })
      for await (const transfer of list) {
        if (transfer.metadata[operationMark] !== operation) continue
        return { transfer: transfer.id, cents: centsOfAmount(transfer.amount) }
      }
      return undefined
    })
  }

  async reverseTransfer(request: Given<'reverseTransfer'>): Promise<{ reversal: string }> {
    const amount = amountOfCents(request.cents)
    const reversal = await ask(() =>
      this.#stripe.transfers.createReversal(
        request.transfer,
        { amount, metadata: marks(request.operation) },
        keyed('reversal', request.operation),
      ),
    )
    return { reversal: reversal.id }
  }

  async balance(): Promise<Balance> {
    const { available, pending } = await ask(() => this.#stripe.balance.retrieve())
    return { availableCents: euroCents(available), pendingCents: euroCents(pending) }
  }

  async *movements({ sinceMs }: Given<'movements'>): AsyncIterable<BalanceMovement> {
    const created = { gte: Math.floor(sinceMs / 1_000) }
    const list = this.#stripe.balanceTransactions.list({ created, currency, limit: 100 })
    for (;;) {
      const next = await ask(() => list.next())
      if (next.done === true) return
      yield movementOf(next.value)
    }
  }

  verifyWebhook(rawBody: Buffer, signature: string): StripeEvent {
    try {
      return isThin(rawBody)
        ? this.#thinEvent(rawBody, signature)
        : this.#snapshotEvent(rawBody, signature)
    } catch (error) {
      throw paymentsErrorOf(error)
    }
  }

  #snapshotEvent(rawBody: Buffer, signature: string): StripeEvent {
    const event = this.#stripe.webhooks.constructEvent(
      rawBody,
      signature,
      this.#webhookSecret,
      webhookToleranceS,
      undefined,
      this.#now(),
    )
    const { object } = event.data
    return {
      kind: 'snapshot',
      id: event.id,
      type: event.type,
      account: event.account,
      createdMs: event.created * 1_000,
      object: { id: stringOf(object, 'id'), object: stringOf(object, 'object') },
    }
  }

  #thinEvent(rawBody: Buffer, signature: string): StripeEvent {
    const event = this.#stripe.parseEventNotification(
      rawBody,
      signature,
      this.#webhookSecret,
      webhookToleranceS,
      undefined,
      this.#now(),
    )
    const related: unknown = 'related_object' in event ? event.related_object : undefined
    const id = stringOf(related, 'id')
    const type = stringOf(related, 'type')
    return {
      kind: 'thin',
      id: event.id,
      type: event.type,
      createdMs: Date.parse(event.created),
      related: id === undefined || type === undefined ? undefined : { id, type },
    }
  }
}

const operationMark = 'hanse_operation'

function marks(operation: string): Record<string, string> {
  return { [operationMark]: operation }
}

/** One operation may need several calls, so the kind is part of the key. */
function keyed(kind: string, operation: string): Stripe.RequestOptions {
  if (!operationPattern.test(operation))
    throw new RangeError('operation: 1 to 200 of A-Z a-z 0-9 _ . : -')
  return { idempotencyKey: `hanse-${kind}-${operation}` }
}

async function ask<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw paymentsErrorOf(error)
  }
}

function isPayable(account: Stripe.V2.Core.Account): boolean {
  const transfers =
    account.configuration?.recipient?.capabilities?.stripe_balance?.stripe_transfers?.status
  return transfers === 'active' && account.closed !== true
}

function topUpOf(intent: Stripe.PaymentIntent): TopUp {
  return {
    paymentIntent: intent.id,
    status: topUpStatus(intent.status),
    cents: centsOfAmount(intent.amount),
    operation: intent.metadata[operationMark],
    organization: intent.metadata.hanse_organization,
  }
}

/** An off-session payment that waits for the customer has failed: nobody is there to act. */
export function topUpStatus(status: string): TopUp['status'] {
  return status === 'succeeded' || status === 'processing' ? status : 'failed'
}

function euroCents(parts: readonly { amount: number; currency: string }[]): bigint {
  return parts
    .filter((part) => part.currency === currency)
    .reduce((sum, part) => sum + centsOfAmount(part.amount), 0n)
}

function movementOf(transaction: Stripe.BalanceTransaction): BalanceMovement {
  const { source } = transaction
  return {
    id: transaction.id,
    type: transaction.type,
    source: typeof source === 'string' ? source : source?.id,
    amountCents: centsOfAmount(transaction.amount),
    feeCents: centsOfAmount(transaction.fee),
    netCents: centsOfAmount(transaction.net),
    createdMs: transaction.created * 1_000,
    availableOnMs: transaction.available_on * 1_000,
  }
}

/** A look before the signature is checked: it only chooses which of Stripe's parsers checks it. */
function isThin(rawBody: Buffer): boolean {
  try {
    return stringOf(JSON.parse(rawBody.toString('utf8')), 'object') === 'v2.core.event'
  } catch {
    return false
  }
}

function stringOf(value: unknown, key: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const field: unknown = Reflect.get(value, key)
  return typeof field === 'string' ? field : undefined
}
