import type Stripe from 'stripe'
import { z } from 'zod'
import { chargeObject } from './charge-object.ts'
import { invalidRequest, resourceMissing } from './fault.ts'
import { balanceOf, move } from './money.ts'
import { type Context, operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import { created, currency, expand, id, metadata, page, text, transferCents } from './params.ts'
import { platform } from './state.ts'
import { storedId } from './stored-id.ts'

export const createTransfer = operation({
  name: 'Transfers.create',
  method: 'POST',
  path: '/v1/transfers',
  params: z.strictObject({
    amount: transferCents,
    currency,
    destination: id,
    description: text.optional(),
    expand,
    metadata,
    transfer_group: id.optional(),
  }),
  run(params, context): Stripe.Transfer {
    const { nowS, state } = context
    requirePayable(context, params.destination)
    requireAvailable(context, platform, params.amount)
    const transferId = context.newId('tr')
    const paymentId = context.newId('py')
    const description = params.description ?? null
    const out = move(context, {
      description,
      account: platform,
      amount: -params.amount,
      type: 'transfer',
      reportingCategory: 'transfer',
      source: transferId,
    })
    const arrival = move(context, {
      description,
      account: params.destination,
      amount: params.amount,
      type: 'payment',
      reportingCategory: 'charge',
      source: paymentId,
    })
    const payment = chargeObject({
      id: paymentId,
      amount: params.amount,
      balance_transaction: arrival.id,
      created: nowS,
      metadata: {},
      payment_method: null,
      source_transfer: transferId,
      status: 'succeeded',
      transfer_group: params.transfer_group ?? null,
    })
    state.charges.set(paymentId, { account: params.destination, object: payment })
    const transfer: Stripe.Transfer = {
      id: transferId,
      object: 'transfer',
      amount: params.amount,
      amount_reversed: 0,
      balance_transaction: out.id,
      created: nowS,
      currency: 'eur',
      description,
      destination: params.destination,
      destination_payment: paymentId,
      livemode: false,
      metadata: params.metadata,
      reversals: {
        object: 'list',
        data: [],
        has_more: false,
        url: `/v1/transfers/${transferId}/reversals`,
      },
      reversed: false,
      source_transaction: null,
      source_type: 'card',
      transfer_group: params.transfer_group ?? null,
    }
    state.transfers.set(transferId, transfer)
    context.emit('transfer.created', transfer)
    return transfer
  },
})

export const retrieveTransfer = operation({
  name: 'Transfers.retrieve',
  method: 'GET',
  path: '/v1/transfers/:id',
  params: z.strictObject({ expand }),
  run: (_params, context) => findTransfer(context),
})

export const listTransfers = operation({
  name: 'Transfers.list',
  method: 'GET',
  path: '/v1/transfers',
  params: z.strictObject({
    ...page,
    created: created.optional(),
    destination: id.optional(),
    transfer_group: id.optional(),
  }),
  run(params, { state }) {
    const found = [...state.transfers.values()].filter(
      (transfer) =>
        createdWithin(transfer.created, params.created) &&
        (params.destination === undefined || transfer.destination === params.destination) &&
        (params.transfer_group === undefined || transfer.transfer_group === params.transfer_group),
    )
    return pageOf('/v1/transfers', found, params)
  },
})

export const createReversal = operation({
  name: 'Transfers.createReversal',
  method: 'POST',
  path: '/v1/transfers/:id/reversals',
  params: z.strictObject({
    amount: transferCents.optional(),
    description: text.optional(),
    expand,
    metadata,
  }),
  run(params, context): Stripe.TransferReversal {
    const { nowS } = context
    const transfer = findTransfer(context)
    const left = transfer.amount - transfer.amount_reversed
    if (left === 0) throw invalidRequest(`Transfer ${transfer.id} is already fully reversed.`)
    const amount = params.amount ?? left
    if (amount > left) {
      throw invalidRequest(`Only ${left} is left to reverse.`, undefined, 'amount')
    }
    const destination = storedId(transfer.destination)
    requireAvailable(context, destination, amount)
    const reversalId = context.newId('trr')
    const refundId = context.newId('pyr')
    const description = params.description ?? null
    move(context, {
      description,
      account: destination,
      amount: -amount,
      type: 'payment_refund',
      reportingCategory: 'refund',
      source: refundId,
    })
    const back = move(context, {
      description,
      account: platform,
      amount,
      type: 'transfer_refund',
      reportingCategory: 'transfer_reversal',
      source: reversalId,
    })
    const reversal: Stripe.TransferReversal = {
      id: reversalId,
      object: 'transfer_reversal',
      amount,
      balance_transaction: back.id,
      created: nowS,
      currency: 'eur',
      destination_payment_refund: refundId,
      metadata: params.metadata,
      source_refund: null,
      transfer: transfer.id,
    }
    transfer.amount_reversed += amount
    transfer.reversed = transfer.amount_reversed === transfer.amount
    transfer.reversals.data.unshift(reversal)
    context.emit('transfer.reversed', transfer)
    return reversal
  },
})

export const listReversals = operation({
  name: 'Transfers.listReversals',
  method: 'GET',
  path: '/v1/transfers/:id/reversals',
  params: z.strictObject(page),
  run(params, context) {
    const transfer = findTransfer(context)
    return pageOf(transfer.reversals.url, transfer.reversals.data.toReversed(), params)
  },
})

function findTransfer({ state, ids: [transferId = ''] }: Context): Stripe.Transfer {
  const transfer = state.transfers.get(transferId)
  if (transfer === undefined) throw resourceMissing('transfer', transferId)
  return transfer
}

function requirePayable({ state }: Context, accountId: string): void {
  const account = state.accounts.get(accountId)
  if (account === undefined || account.deauthorized) {
    throw invalidRequest(`No such destination: '${accountId}'`, 'resource_missing', 'destination')
  }
  if (account.transfers === 'active') return
  throw invalidRequest(
    'Your destination account needs to have the stripe_transfers capability enabled.',
    'insufficient_capabilities_for_transfer',
    'destination',
  )
}

function requireAvailable({ state }: Context, accountId: string, amount: number): void {
  if (balanceOf(state, accountId).available >= amount) return
  throw invalidRequest(
    'You have insufficient available funds in your Stripe account.',
    'balance_insufficient',
  )
}
