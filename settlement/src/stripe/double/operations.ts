import { createAccount, createAccountLink, listAccounts, retrieveAccount } from './accounts.ts'
import { listBalanceTransactions, retrieveBalance, retrieveBalanceTransaction } from './balances.ts'
import { createCustomer, retrieveCustomer } from './customers.ts'
import { createWebhookEndpoint, listEvents, retrieveEvent, retrieveThinEvent } from './events.ts'
import type { Operation } from './operation.ts'
import {
  createPaymentIntent,
  listPaymentIntents,
  retrieveCharge,
  retrievePaymentIntent,
} from './payment-intents.ts'
import {
  createReversal,
  createTransfer,
  listReversals,
  listTransfers,
  retrieveTransfer,
} from './transfers.ts'

/** Every operation the double answers. One more is one more entry, and its path in contract.json. */
export const operations: readonly Operation[] = [
  createAccount,
  createAccountLink,
  createCustomer,
  createPaymentIntent,
  createReversal,
  createTransfer,
  createWebhookEndpoint,
  listAccounts,
  listBalanceTransactions,
  listEvents,
  listPaymentIntents,
  listReversals,
  listTransfers,
  retrieveAccount,
  retrieveBalance,
  retrieveBalanceTransaction,
  retrieveCharge,
  retrieveCustomer,
  retrieveEvent,
  retrievePaymentIntent,
  retrieveThinEvent,
  retrieveTransfer,
]
