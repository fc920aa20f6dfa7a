/**
 * What the settlement service asks of Stripe. Money is bigint euro cents.
 *
 * `operation` is the id of the caller's own permanent operation row. The idempotency key is derived
 * from it, so a repeated call with one operation has one effect for as long as Stripe keeps keys
 * (24 hours); after that, look with `findTransfer` before repeating. Stripe repeats a refusal under
 * its key too: after `HANSE_STRIPE_BALANCE_INSUFFICIENT` or `HANSE_STRIPE_DECLINED` a new attempt
 * is a new operation.
 *
 * Every method rejects with `PaymentsError`.
 */
export interface Payments {
  createProviderAccount(request: {
    readonly providerId: string
    /** ISO 3166-1 alpha-2. */
    readonly country: string
    readonly operation: string
  }): Promise<ProviderAccount>
  /** The address of Stripe's page for the provider: single use, good for minutes. */
  onboardingLink(request: {
    readonly account: string
    readonly returnUrl: string
    readonly refreshUrl: string
    readonly operation: string
  }): Promise<string>
  accountState(account: string): Promise<AccountState>
  createCustomer(request: {
    readonly organization: string
    readonly operation: string
  }): Promise<{ readonly customer: string }>
  /** Charges a saved payment method without the customer present. A decline is an error. */
  topUp(request: {
    readonly organization: string
    readonly customer?: string
    readonly cents: bigint
    readonly paymentMethod: string
    readonly operation: string
  }): Promise<TopUp>
  topUpState(paymentIntent: string): Promise<TopUp>
  transfer(request: {
    readonly account: string
    readonly cents: bigint
    readonly operation: string
    readonly transferGroup: string
  }): Promise<{ readonly transfer: string }>
  /** The transfer that an operation made, from Stripe's list rather than from its memory of keys. */
  findTransfer(request: {
    readonly operation: string
    readonly transferGroup: string
  }): Promise<{ readonly transfer: string; readonly cents: bigint } | undefined>
  reverseTransfer(request: {
    readonly transfer: string
    readonly cents: bigint
    readonly operation: string
  }): Promise<{ readonly reversal: string }>
  balance(): Promise<Balance>
  /** Every movement on the platform's balance since a time, newest first. */
  movements(request: { readonly sinceMs: number }): AsyncIterable<BalanceMovement>
  /** @throws {PaymentsError} `HANSE_STRIPE_SIGNATURE` when Stripe did not sign exactly these bytes lately. */
  verifyWebhook(rawBody: Buffer, signature: string): StripeEvent
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
}

export interface TopUp {
  readonly paymentIntent: string
  readonly status: 'succeeded' | 'processing' | 'failed'
  /** What was charged; credit it only when `status` is `succeeded`. */
  readonly cents: bigint
  /** The ids that the top-up was made for, when this service made it. */
  readonly operation: string | undefined
  readonly organization: string | undefined
}

export interface Balance {
  readonly availableCents: bigint
  readonly pendingCents: bigint
}

export interface BalanceMovement {
  readonly id: string
  /** Stripe's type: `charge`, `transfer`, `transfer_refund` …; the list is open. */
  readonly type: string
  /** The object that moved the money: a charge, transfer or reversal. */
  readonly source: string | undefined
  readonly amountCents: bigint
  readonly feeCents: bigint
  readonly netCents: bigint
  readonly createdMs: number
  readonly availableOnMs: number
}

/** A verified event. `id` is unique: store it in the transaction of its effect. */
export type StripeEvent =
  | {
      readonly kind: 'snapshot'
      readonly id: string
      readonly type: string
      /** The connected account it is about; absent for the platform's own. */
      readonly account: string | undefined
      readonly createdMs: number
      /** The object as it was then: fetch it again where order matters. */
      readonly object: { readonly id: string | undefined; readonly object: string | undefined }
    }
  | {
      readonly kind: 'thin'
      readonly id: string
      readonly type: string
      readonly createdMs: number
      /** What to fetch. */
      readonly related: { readonly id: string; readonly type: string } | undefined
    }
