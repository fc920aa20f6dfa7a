import { createAccount, createAccountLink, listAccounts, retrieveAccount } from './accounts.ts'
import { listBalanceTransactions, retrieveBalance, retrieveBalanceTransaction } from './balances.ts'
import { listCharges, retrieveCharge } from './charges.ts'
import {
  createCheckout,
  expireCheckoutSession,
  listCheckoutLines,
  listCheckouts,
  retrieveCheckout,
} from './checkouts.ts'
import {
  createCustomer,
  deleteCustomer,
  listCustomers,
  retrieveCustomer,
  updateCustomer,
} from './customers.ts'
import { closeDispute, listDisputes, retrieveDispute, updateDispute } from './disputes.ts'
import { createWebhookEndpoint, listEvents, retrieveEvent, retrieveThinEvent } from './events.ts'
import type { Operation } from './operation.ts'
import {
  cancelPaymentIntent,
  confirmPaymentIntent,
  createPaymentIntent,
  listPaymentIntents,
  retrievePaymentIntent,
} from './payment-intents.ts'
import {
  attachPaymentMethod,
  detachPaymentMethod,
  listCustomerPaymentMethods,
  retrievePaymentMethod,
} from './payment-methods.ts'
import { createRefund, listRefunds, retrieveRefund } from './refunds.ts'
import { createSetupIntent, retrieveSetupIntent } from './setup-intents.ts'
import { createTaxId, createTaxRate, deleteTaxId, listTaxIds } from './tax.ts'
import {
  createReversal,
  createTransfer,
  listReversals,
  listTransfers,
  retrieveTransfer,
} from './transfers.ts'

/** Every operation the double answers. For one more, `node scripts/stripe-contract.ts` renews the contract. */
export const operations: readonly Operation[] = [
  attachPaymentMethod,
  cancelPaymentIntent,
  closeDispute,
  confirmPaymentIntent,
  createAccount,
  createAccountLink,
  createCheckout,
  createCustomer,
  createPaymentIntent,
  createRefund,
  createReversal,
  createSetupIntent,
  createTaxId,
  createTaxRate,
  createTransfer,
  createWebhookEndpoint,
  deleteCustomer,
  deleteTaxId,
  detachPaymentMethod,
  expireCheckoutSession,
  listAccounts,
  listBalanceTransactions,
  listCharges,
  listCheckoutLines,
  listCheckouts,
  listCustomerPaymentMethods,
  listCustomers,
  listDisputes,
  listEvents,
  listPaymentIntents,
  listRefunds,
  listReversals,
  listTaxIds,
  listTransfers,
  retrieveAccount,
  retrieveBalance,
  retrieveBalanceTransaction,
  retrieveCharge,
  retrieveCheckout,
  retrieveCustomer,
  retrieveDispute,
  retrieveEvent,
  retrievePaymentIntent,
  retrievePaymentMethod,
  retrieveRefund,
  retrieveSetupIntent,
  retrieveThinEvent,
  retrieveTransfer,
  updateCustomer,
  updateDispute,
]
