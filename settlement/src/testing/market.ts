import { randomUUID } from 'node:crypto'
import { type PicoEuro, picoEuro, type SignedRecord, type Signer, signerOf } from '@hanse/protocol'
import { authorize } from '../authorizations/authorize.ts'
import { DEFAULT_TERMS, type SettlementContext, type SettlementTerms } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { BASIS_VERSION } from '../rights/lawful-basis.ts'
import { type Payments, PaymentsError } from '../stripe/index.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { newSigner } from './deals.ts'

export const NETWORK = 'test'
/** 2026-11-02T00:00:00Z */
export const NOW = 1_793_577_600_000
export const CENT: PicoEuro = picoEuro(10_000_000_000n)

/** What the next transfer comes to; `lost` is done, but the answer never arrives. */
export type TransferFate = 'done' | 'lost' | 'unavailable' | 'refused'

/** Stripe as far as payouts need it, in memory. */
export class FakePayments {
  readonly transfers = new Map<string, { account: string; cents: bigint }>()
  fates: TransferFate[] = []
  calls = 0

  async transfer(request: { account: string; cents: bigint; operation: string }) {
    this.calls++
    const fate = this.fates.shift() ?? 'done'
    if (fate === 'refused') throw new PaymentsError('HANSE_STRIPE_REFUSED', 'refused')
    if (fate === 'unavailable') throw new PaymentsError('HANSE_STRIPE_UNAVAILABLE', 'no answer')
    const { account, cents, operation } = request
    this.transfers.set(operation, { account, cents })
    if (fate === 'lost') throw new PaymentsError('HANSE_STRIPE_UNAVAILABLE', 'no answer')
    return { transfer: `tr_${operation}` }
  }

  async findTransfer({ operation }: { operation: string }) {
    const found = this.transfers.get(operation)
    return found && { transfer: `tr_${operation}`, cents: found.cents }
  }

  async accountState() {
    return { payable: true, country: 'DE' }
  }

  /** What is credited here was paid nowhere. */
  async paymentState() {
    return { operation: undefined }
  }

  /** Nothing ever happens at this Stripe by itself. */
  async *events() {}
  async *accountEvents() {}
  async *disputes() {}

  get paidCents(): bigint {
    return [...this.transfers.values()].reduce((sum, { cents }) => sum + cents, 0n)
  }
}

export interface TestClock {
  now: number
}

export interface TestContext extends SettlementContext {
  readonly clock: TestClock
  readonly fake: FakePayments
}

export function testContext(
  store: SettlementStore,
  terms: Partial<SettlementTerms> = {},
): TestContext {
  const clock = { now: NOW }
  const fake = new FakePayments()
  return {
    store,
    payments: fake as unknown as Payments,
    signer: signerOf(new Uint8Array(32).fill(3)),
    network: NETWORK,
    publicUrl: () => 'http://settlement.test',
    now: () => clock.now,
    terms: { ...DEFAULT_TERMS, ...terms },
    euAudit: true,
    clock,
    fake,
  }
}

/** A basis that an organization stated long ago: no event of it is in the log of the test. */
export async function allowProcessing(
  store: Pick<SettlementStore, 'executeSql'>,
  organization: string,
): Promise<void> {
  await store.executeSql(
    `insert into lawful_basis (organization, purpose, number, basis, version, given_by, given_at)
      values ($1, 'inference', 1, 'contract', $2, 'test', '2026-01-01Z')`,
    [organization, BASIS_VERSION],
  )
}

/** An organization with one consumer and money. */
export interface TestTenant {
  readonly organization: string
  readonly consumer: Signer
}

export async function addTenant(context: SettlementContext, cents: bigint): Promise<TestTenant> {
  const organization = `org_${randomUUID()}`
  const consumer = newSigner()
  const { prefix, hash } = createApiKey()
  await context.store.createOrganization({
    id: organization,
    name: 'Test',
    key: { prefix, hash },
    consumers: [consumer.peerId],
    at: context.now(),
  })
  await allowProcessing(context.store, organization)
  if (cents > 0n) await credit(context, organization, cents)
  return { organization, consumer }
}

export async function credit(
  { store, now }: SettlementContext,
  organization: string,
  cents: bigint,
): Promise<string> {
  const id = `tu-${randomUUID()}`
  await store.beginTopUp({
    id,
    organization,
    idempotencyKey: id,
    requestDigest: '',
    cents,
    at: now(),
  })
  const paymentIntent = `pi_${id}`
  await store.finishTopUp({ id, paymentIntent, cents, status: 'succeeded', at: now() })
  return paymentIntent
}

/** A provider in Germany whose payout account Stripe verified. */
export async function addProvider({ store, now, terms }: SettlementContext): Promise<Signer> {
  const provider = newSigner()
  await store.addProvider({
    peerId: provider.peerId,
    country: 'DE',
    feeBps: terms.feeBps,
    binding: new Uint8Array(1),
    at: now(),
  })
  await store.setProviderAccount(provider.peerId, `acct_${provider.peerId.slice(-12)}`)
  await store.setProviderPayable(provider.peerId, true, now())
  return provider
}

export async function hold(
  context: SettlementContext,
  tenant: TestTenant,
  provider: Signer,
  limit: bigint,
  lifetimeMs = 3_600_000,
): Promise<SignedRecord> {
  return authorize(context, {
    organization: tenant.organization,
    consumer: tenant.consumer.peerId,
    provider: provider.peerId,
    limit: picoEuro(limit),
    lifetimeMs,
    idempotencyKey: null,
  })
}
