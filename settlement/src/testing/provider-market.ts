import { randomUUID } from 'node:crypto'
import {
  ANYWHERE,
  cidOf,
  encodeCanonical,
  type PeerId,
  picoEuro,
  type Signer,
  signerOf,
} from '@hanse/protocol'
import { DEFAULT_TERMS, type SettlementContext, type SettlementTerms } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { createPacer, type Pacer } from '../payouts/pacer.ts'
import { refreshProvider } from '../providers/provider-account.ts'
import type { Claim } from '../receipts/claim.ts'
import { openStripePayments, type StripeDouble, startStripeDouble } from '../stripe/index.ts'
import { takeEvent } from '../stripe-events/take-event.ts'
import { topUp } from '../top-ups/top-up.ts'
import { newSigner } from './deals.ts'
import { addTenant, hold, NETWORK, NOW, type TestContext, type TestTenant } from './market.ts'

/** Providers who earn and are paid at Stripe's double, which is asked through Stripe's own library. */
export interface ProviderMarket extends AsyncDisposable {
  readonly context: SettlementContext
  readonly double: StripeDouble
  /** Holds nobody up. */
  readonly pacer: Pacer
  readonly tenant: TestTenant
  /** Charges the tenant's card; the money is there at once. */
  charge(cents: bigint): Promise<void>
  /** A provider in Germany whose account Stripe verified. */
  addProvider(): Promise<TestProvider>
  /** Books a session of so many pico-euro, without a fee unless the terms have one. */
  earn(provider: TestProvider, amount: bigint): Promise<void>
  /** Lets Stripe tell its news until there is none left. */
  deliver(): Promise<void>
}

export interface TestProvider {
  readonly peerId: PeerId
  readonly signer: Signer
  readonly account: string
}

const SECRET = 'whsec_of_the_test'
/** A test card whose money is available at once. */
const CARD = 'pm_card_bypassPending'
const NO_WAIT = { now: () => 0, sleep: async () => {} }
/** News may cause news, and a storm keeps some of it back: more rounds than either takes. */
const ROUNDS_MAX = 50

export async function openProviderMarket(
  store: SettlementStore,
  terms: Partial<SettlementTerms> = {},
): Promise<ProviderMarket> {
  let take: (body: Buffer, signature: string) => Promise<void> = async () => {}
  const double = await startStripeDouble({
    now: () => NOW,
    delivery: 'manual',
    webhooks: [{ url: 'http://settlement.test/v1/stripe/webhook', secret: SECRET }],
    fetch: async (_url, init) => {
      const headers = new Headers(init?.headers)
      const body = Buffer.from(await new Response(init?.body).arrayBuffer())
      try {
        await take(body, headers.get('stripe-signature') ?? '')
        return new Response('{}')
      } catch {
        return new Response('{}', { status: 500 })
      }
    },
  })
  const now = () => double.now()
  const payments = openStripePayments({
    secretKey: 'sk_test_double',
    webhookSecret: SECRET,
    host: '127.0.0.1',
    port: double.port,
    protocol: 'http',
    maxNetworkRetries: 0,
    timeoutMs: 2_000,
    now,
  })
  const context: SettlementContext = {
    store,
    payments,
    signer: signerOf(new Uint8Array(32).fill(3)),
    network: NETWORK,
    publicUrl: () => 'http://settlement.test',
    now,
    terms: { ...DEFAULT_TERMS, feeBps: 0, ...terms },
    euAudit: true,
  }
  take = async (body, signature) => {
    await takeEvent(context, payments.verifyWebhook(body, signature), body)
  }
  const tenant = await addTenant(context as TestContext, 0n)
  return {
    context,
    double,
    tenant,
    pacer: createPacer({ perSecond: 20, burst: 5 }, NO_WAIT),
    async charge(cents) {
      const { organization } = tenant
      const request = { organization, cents, paymentMethod: CARD, idempotencyKey: randomUUID() }
      await topUp(context, request)
    },
    addProvider: () => addPaidProvider(context, double),
    earn: (provider, amount) => bookSession(context, tenant, provider.signer, amount),
    async deliver() {
      for (let round = 0; round < ROUNDS_MAX; round++) {
        const { delivered, failed } = await double.deliverWebhooks()
        if (delivered + failed === 0) return
      }
    },
    [Symbol.asyncDispose]: () => double.close(),
  }
}

/** A provider in Germany whose account Stripe verified. */
export async function addPaidProvider(
  context: SettlementContext,
  double: StripeDouble,
): Promise<TestProvider> {
  const { store, payments, now, terms } = context
  const signer = newSigner()
  const { peerId } = signer
  const binding = new Uint8Array(1)
  await store.addProvider({ peerId, country: 'DE', feeBps: terms.feeBps, binding, at: now() })
  const made = { providerId: peerId, country: 'DE', operation: `provider-${peerId}` }
  const { account } = await payments.createProviderAccount(made)
  await store.setProviderAccount(peerId, account)
  await double.setTransfers(account, 'active')
  await refreshProvider(context, peerId)
  return { peerId, signer, account }
}

/** Books a session of so many pico-euro, without its records. */
export async function bookSession(
  context: SettlementContext,
  tenant: TestTenant,
  provider: Signer,
  amount: bigint,
): Promise<void> {
  const authorization = await hold(context as TestContext, tenant, provider, amount)
  const session = cidOf(encodeCanonical(randomUUID())).toString()
  const claim: Claim = {
    session,
    authorization: cidOf(authorization.bytes).toString(),
    receipt: cidOf(encodeCanonical(`${session}/0`)).toString(),
    consumer: tenant.consumer.peerId,
    provider: provider.peerId,
    model: 'a/b',
    residency: ANYWHERE,
    acceptedAt: context.now(),
    sequence: 0n,
    amount: picoEuro(amount),
    inputTokens: 0n,
    cachedInputTokens: 0n,
    outputTokens: 0n,
    final: null,
    attestation: null,
    evidence: {
      signedOrder: new Uint8Array(1),
      signedAcceptance: new Uint8Array(1),
      signedReceipt: new Uint8Array(1),
    },
    statement: null,
  }
  const { peerId } = context.signer
  const policy = { settlement: peerId, trustedAttestors: [peerId] }
  const [booking] = await context.store.bookReceipts([claim], policy, context.now())
  if (booking?.status !== 'booked') throw new Error(`not booked: ${JSON.stringify(booking)}`)
}
