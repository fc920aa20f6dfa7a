import { randomUUID } from 'node:crypto'
import type { SettlementContext } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { openStripePayments, type StripeDouble, startStripeDouble } from '../stripe/index.ts'
import { takeEvent } from '../stripe-events/take-event.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { allowProcessing, NOW, type TestContext, testContext } from './market.ts'

const SECRET = 'whsec_test'
/** Nothing listens there: deliveries are handed over in this process. */
const TARGET = 'http://settlement.test/v1/stripe/webhook'

/** Settlement without its HTTP server, on Stripe's double through the real library. */
export interface StripeMarket extends AsyncDisposable {
  readonly context: TestContext
  readonly double: StripeDouble
  /** Delivers every webhook that waits, and those that this brings about. */
  deliver(): Promise<void>
  /** Moves both clocks. */
  advance(ms: number): Promise<void>
  addOrganization(): Promise<string>
}

export async function openStripeMarket(
  store: SettlementStore,
  changes: Partial<SettlementContext> = {},
): Promise<StripeMarket> {
  const base = testContext(store)
  let handle: (body: Buffer, signature: string) => Promise<unknown>
  const double = await startStripeDouble({
    now: () => NOW,
    delivery: 'manual',
    webhooks: [{ url: TARGET, secret: SECRET }],
    fetch: async (_url, init) => {
      const signature = new Headers(init?.headers).get('stripe-signature') ?? ''
      await handle(Buffer.from(await new Response(init?.body).arrayBuffer()), signature)
      return new Response(null, { status: 200 })
    },
  })
  const payments = openStripePayments({
    secretKey: 'sk_test_double',
    webhookSecret: SECRET,
    host: '127.0.0.1',
    port: double.port,
    protocol: 'http',
    now: () => double.now(),
    maxNetworkRetries: 0,
  })
  const context: TestContext = { ...base, payments, now: () => double.now(), ...changes }
  handle = (body, signature) => takeEvent(context, payments.verifyWebhook(body, signature), body)
  return {
    context,
    double,
    deliver: async () => {
      while ((await double.deliverWebhooks()).delivered > 0);
    },
    advance: (ms) => double.advance(ms),
    addOrganization: async () => {
      const id = `org_${randomUUID()}`
      const { prefix, hash } = createApiKey()
      const at = context.now()
      await store.createOrganization({ id, name: 'T', key: { prefix, hash }, consumers: [], at })
      await allowProcessing(store, id)
      return id
    },
    [Symbol.asyncDispose]: () => double.close(),
  }
}
