import {
  closeAccount,
  createAccount,
  createAccountLink,
  listAccounts,
  retrieveAccount,
} from './accounts.ts'
import { retrieveBalanceSettings, updateBalanceSettings } from './balance-settings.ts'
import { listBalanceTransactions, retrieveBalance, retrieveBalanceTransaction } from './balances.ts'
import { createPortalSession } from './billing-portal.ts'
import {
  createPrice,
  createProduct,
  listPrices,
  retrievePrice,
  retrieveProduct,
  updatePrice,
} from './catalog.ts'
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
import {
  createWebhookEndpoint,
  listEvents,
  listThinEvents,
  retrieveEvent,
  retrieveThinEvent,
} from './events.ts'
import { createInvoiceItem, listInvoiceItems } from './invoice-items.ts'
import {
  createInvoice,
  finalizeInvoice,
  listInvoices,
  payInvoice,
  retrieveInvoice,
  voidInvoiceOperation,
} from './invoice-operations.ts'
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
import {
  cancelPayoutOperation,
  createPayout,
  listPayouts,
  retrievePayout,
} from './payout-operations.ts'
import { createRefund, listRefunds, retrieveRefund } from './refunds.ts'
import { createSetupIntent, retrieveSetupIntent } from './setup-intents.ts'
import {
  cancelSubscription,
  createSubscription,
  listSubscriptions,
  retrieveSubscription,
  updateSubscription,
} from './subscription-operations.ts'
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
  cancelPayoutOperation,
  cancelSubscription,
  closeAccount,
  closeDispute,
  confirmPaymentIntent,
  createAccount,
  createAccountLink,
  createCheckout,
  createCustomer,
  createInvoice,
  createInvoiceItem,
  createPaymentIntent,
  createPayout,
  createPortalSession,
  createPrice,
  createProduct,
  createRefund,
  createReversal,
  createSetupIntent,
  createSubscription,
  createTaxId,
  createTaxRate,
  createTransfer,
  createWebhookEndpoint,
  deleteCustomer,
  deleteTaxId,
  detachPaymentMethod,
  expireCheckoutSession,
  finalizeInvoice,
  listAccounts,
  listBalanceTransactions,
  listCharges,
  listCheckoutLines,
  listCheckouts,
  listCustomerPaymentMethods,
  listCustomers,
  listDisputes,
  listEvents,
  listInvoiceItems,
  listInvoices,
  listPaymentIntents,
  listPayouts,
  listPrices,
  listRefunds,
  listReversals,
  listSubscriptions,
  listTaxIds,
  listThinEvents,
  listTransfers,
  payInvoice,
  retrieveAccount,
  retrieveBalance,
  retrieveBalanceSettings,
  retrieveBalanceTransaction,
  retrieveCharge,
  retrieveCheckout,
  retrieveCustomer,
  retrieveDispute,
  retrieveEvent,
  retrieveInvoice,
  retrievePaymentIntent,
  retrievePaymentMethod,
  retrievePayout,
  retrievePrice,
  retrieveProduct,
  retrieveRefund,
  retrieveSetupIntent,
  retrieveSubscription,
  retrieveThinEvent,
  retrieveTransfer,
  updateBalanceSettings,
  updateCustomer,
  updateDispute,
  updatePrice,
  updateSubscription,
  voidInvoiceOperation,
]
