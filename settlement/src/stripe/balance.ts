import type Stripe from 'stripe'
import {
  ask,
  currency,
  each,
  fieldOf,
  idOf,
  msOf,
  on,
  operationMark,
  pageMax,
  secondsOf,
  stringOf,
} from './call.ts'
import { centsOfAmount } from './cents.ts'

/** The platform's Stripe balance, or a connected account's. */
export interface BalancePayments {
  balance(account?: string): Promise<Balance>
  /** Every movement on the balance since a time, newest first. */
  movements(request: {
    readonly sinceMs: number
    /** Exclusive. */
    readonly untilMs?: number
    readonly account?: string
    /** Only what an automatic payout paid out; Stripe cannot tell for others. */
    readonly payout?: string
  }): AsyncIterable<BalanceMovement>
}

export interface Balance {
  /** Below zero when refunds and disputes took more than there was. */
  readonly availableCents: bigint
  readonly pendingCents: bigint
  /** Held on the platform against connected accounts that owe money. */
  readonly reservedCents: bigint
}

export interface BalanceMovement {
  readonly id: string
  /** Stripe's type: `charge`, `payment`, `refund`, `adjustment` (disputes), `transfer` …; the list is open. */
  readonly type: string
  /** Stripe's grouping for reports: `dispute`, `dispute_reversal`, `refund_failure` …; the list is open. */
  readonly category: string
  /** The object that moved the money: a charge, refund, dispute, transfer, reversal or payout. */
  readonly source: string | undefined
  /** What that object belongs to, where it says so. */
  readonly charge: string | undefined
  readonly paymentIntent: string | undefined
  readonly transfer: string | undefined
  /** The connected account that a transfer went to. */
  readonly destination: string | undefined
  /** Our own row, from the source's metadata. */
  readonly operation: string | undefined
  readonly description: string | undefined
  readonly amountCents: bigint
  readonly feeCents: bigint
  readonly fees: readonly { readonly type: string; readonly cents: bigint }[]
  readonly netCents: bigint
  readonly available: boolean
  readonly createdMs: number
  readonly availableOnMs: number
}

export function balancePayments(stripe: Stripe): BalancePayments {
  return {
    async balance(account) {
      const balance = await ask(() => stripe.balance.retrieve({}, on(account)))
      return {
        availableCents: euroCents(balance.available),
        pendingCents: euroCents(balance.pending),
        reservedCents: euroCents(balance.connect_reserved ?? []),
      }
    },
    async *movements({ sinceMs, untilMs, account, payout }) {
      const created = {
        gte: secondsOf(sinceMs),
        ...(untilMs !== undefined && { lt: secondsOf(untilMs) }),
      }
      const list = stripe.balanceTransactions.list(
        {
          created,
          currency,
          ...(payout !== undefined && { payout }),
          expand: ['data.source'],
          limit: pageMax,
        },
        on(account),
      )
      for await (const transaction of each(list)) yield movementOf(transaction)
    },
  }
}

function euroCents(parts: readonly { amount: number; currency: string }[]): bigint {
  return parts
    .filter((part) => part.currency === currency)
    .reduce((sum, part) => sum + centsOfAmount(part.amount), 0n)
}

function movementOf(transaction: Stripe.BalanceTransaction): BalanceMovement {
  const { source } = transaction
  const object = stringOf(source, 'object')
  return {
    id: transaction.id,
    type: transaction.type,
    category: transaction.reporting_category,
    source: idOf(source),
    charge: object === 'charge' ? idOf(source) : linked(source, 'charge'),
    paymentIntent: linked(source, 'payment_intent'),
    transfer: object === 'transfer' ? idOf(source) : linked(source, 'transfer'),
    destination: object === 'transfer' ? linked(source, 'destination') : undefined,
    operation: stringOf(fieldOf(source, 'metadata'), operationMark),
    description: transaction.description ?? undefined,
    amountCents: centsOfAmount(transaction.amount),
    feeCents: centsOfAmount(transaction.fee),
    fees: transaction.fee_details.map(({ type, amount }) => ({
      type,
      cents: centsOfAmount(amount),
    })),
    netCents: centsOfAmount(transaction.net),
    available: transaction.status === 'available',
    createdMs: msOf(transaction.created),
    availableOnMs: msOf(transaction.available_on),
  }
}

/** The id in a field of the source, which is one of two dozen types. */
function linked(source: unknown, key: string): string | undefined {
  const field = fieldOf(source, key)
  return typeof field === 'string' ? field : stringOf(field, 'id')
}
