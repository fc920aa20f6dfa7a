import type Stripe from 'stripe'
import {
  ask,
  currency,
  each,
  idOf,
  keyed,
  marks,
  msOf,
  operationMark,
  pageMax,
  secondsOf,
} from './call.ts'
import { amountOfCents, centsOfAmount } from './cents.ts'

/** Money from the platform's balance to a provider's, and back. */
export interface TransferPayments {
  transfer(request: {
    readonly account: string
    readonly cents: bigint
    readonly operation: string
    readonly transferGroup: string
  }): Promise<{ readonly transfer: string }>
  transferState(transfer: string): Promise<TransferState>
  /** The transfer that an operation made, from Stripe's list rather than from its memory of keys. */
  findTransfer(request: {
    readonly operation: string
    readonly transferGroup: string
  }): Promise<{ readonly transfer: string; readonly cents: bigint } | undefined>
  /** Transfers made since a time, newest first. */
  transfers(request: {
    readonly sinceMs: number
    readonly account?: string
    readonly transferGroup?: string
  }): AsyncIterable<TransferState>
  /** At most what has not been reversed; what the provider no longer holds is `HANSE_STRIPE_BALANCE_INSUFFICIENT`. */
  reverseTransfer(request: {
    readonly transfer: string
    readonly cents: bigint
    readonly operation: string
  }): Promise<{ readonly reversal: string }>
  /** Everything that came back of a transfer, newest first. */
  reversals(transfer: string): AsyncIterable<ReversalState>
  /** The reversal that an operation made, from Stripe's list. */
  findReversal(request: {
    readonly transfer: string
    readonly operation: string
  }): Promise<{ readonly reversal: string; readonly cents: bigint } | undefined>
}

export interface ReversalState {
  readonly reversal: string
  readonly cents: bigint
  readonly createdMs: number
  readonly operation: string | undefined
}

export interface TransferState {
  readonly transfer: string
  readonly account: string | undefined
  readonly cents: bigint
  readonly reversedCents: bigint
  readonly transferGroup: string | undefined
  readonly createdMs: number
  readonly operation: string | undefined
}

export function transferPayments(stripe: Stripe): TransferPayments {
  const listed: TransferPayments['transfers'] = async function* ({
    sinceMs,
    account,
    transferGroup,
  }) {
    const list = stripe.transfers.list({
      ...(sinceMs > 0 && { created: { gte: secondsOf(sinceMs) } }),
      ...(account !== undefined && { destination: account }),
      ...(transferGroup !== undefined && { transfer_group: transferGroup }),
      limit: pageMax,
    })
    for await (const transfer of each(list)) yield transferState(transfer)
  }
  const reversed: TransferPayments['reversals'] = async function* (transfer) {
    const list = stripe.transfers.listReversals(transfer, { limit: pageMax })
    for await (const reversal of each(list)) yield reversalState(reversal)
  }
  return {
    transfers: listed,
    async transfer(request) {
      const amount = amountOfCents(request.cents)
      const transfer = await ask(() =>
        stripe.transfers.create(
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
    },
    async transferState(transfer) {
      return transferState(await ask(() => stripe.transfers.retrieve(transfer)))
    },
    async findTransfer({ operation, transferGroup }) {
      for await (const found of listed({ sinceMs: 0, transferGroup })) {
        if (found.operation !== operation) continue
        return { transfer: found.transfer, cents: found.cents }
      }
      return undefined
    },
    async reverseTransfer({ transfer, cents, operation }) {
      const params = { amount: amountOfCents(cents), metadata: marks(operation) }
      const reversal = await ask(() =>
        stripe.transfers.createReversal(transfer, params, keyed('reversal', operation)),
      )
      return { reversal: reversal.id }
    },
    reversals: reversed,
    async findReversal({ transfer, operation }) {
      for await (const { reversal, cents, operation: made } of reversed(transfer)) {
        if (made === operation) return { reversal, cents }
      }
      return undefined
    },
  }
}

function reversalState(reversal: Stripe.TransferReversal): ReversalState {
  return {
    reversal: reversal.id,
    cents: centsOfAmount(reversal.amount),
    createdMs: msOf(reversal.created),
    operation: reversal.metadata?.[operationMark],
  }
}

function transferState(transfer: Stripe.Transfer): TransferState {
  return {
    transfer: transfer.id,
    account: idOf(transfer.destination),
    cents: centsOfAmount(transfer.amount),
    reversedCents: centsOfAmount(transfer.amount_reversed),
    transferGroup: transfer.transfer_group ?? undefined,
    createdMs: msOf(transfer.created),
    operation: transfer.metadata[operationMark],
  }
}
