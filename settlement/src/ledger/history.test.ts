import { randomUUID } from 'node:crypto'
import { ANYWHERE, cidOf, encodeCanonical, picoEuro } from '@hanse/protocol'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { releaseExpired } from '../authorizations/release-expired.ts'
import type { SettlementStore } from '../db/store.ts'
import { ModelBookings } from '../histories/model-bookings.ts'
import { runPayouts } from '../payouts/payout-run.ts'
import type { Claim } from '../receipts/claim.ts'
import { openTestStore } from '../testing/database-template.ts'
import {
  addProvider,
  addTenant,
  CENT,
  credit,
  hold,
  type TestContext,
  type TestTenant,
  testContext,
} from '../testing/market.ts'

// Random histories against a model so plain that it can be believed: maps of numbers, no batches, no rollups.

/** How often each outcome came, over all histories. */
const outcomes = new Map<string, number>()
let store: SettlementStore
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())

type Step =
  | { readonly kind: 'top-up'; readonly cents: bigint }
  | { readonly kind: 'hold'; readonly provider: number; readonly cents: bigint }
  | { readonly kind: 'receipts'; readonly batch: readonly ReceiptStep[]; readonly twice: boolean }
  | { readonly kind: 'release' }
  | { readonly kind: 'payouts'; readonly fate: 'done' | 'lost' | 'refused' }

/** So that most receipts have something to be booked on. */
const OPENING: readonly Step[] = [
  { kind: 'top-up', cents: 30n },
  { kind: 'hold', provider: 0, cents: 12n },
  { kind: 'hold', provider: 1, cents: 12n },
]

interface ReceiptStep {
  readonly authorization: number
  readonly session: number
  readonly sequence: number
  /** Pico-euro for each step of the sequence. */
  readonly rate: number
}

const receiptStep = fc.record({
  authorization: fc.nat(2),
  session: fc.nat(2),
  sequence: fc.nat(4),
  rate: fc.integer({ min: 0, max: 40_000_000_000 }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('top-up' as const), cents: fc.bigInt(1n, 20n) }),
  fc.record({ kind: fc.constant('hold' as const), provider: fc.nat(1), cents: fc.bigInt(1n, 12n) }),
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('receipts' as const),
      batch: fc.array(receiptStep, { minLength: 1, maxLength: 6 }),
      twice: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant('release' as const) }),
  fc.record({
    kind: fc.constant('payouts' as const),
    fate: fc.constantFrom('done' as const, 'lost' as const, 'refused' as const),
  }),
)

class Model extends ModelBookings {
  available = 0n
  held = 0n
  payable = [0n, 0n]
  inTransit = [0n, 0n]
  fees = 0n

  protected earned(provider: number, increase: bigint, fee: bigint): void {
    this.held -= increase
    this.fees += fee
    this.payable[provider] = (this.payable[provider] ?? 0n) + increase - fee
  }
}

test('random histories end with the balances of a naive model, and every step balances', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
      const context = testContext(store)
      const tenant = await addTenant(context, 0n)
      const providers = [await addProvider(context), await addProvider(context)]
      const model = new Model()
      const feesBefore = await store.revenue()
      for (const each of [...OPENING, ...steps]) {
        await play(each, context, tenant, providers, model)
        expect(await store.balance(tenant.organization)).toEqual({
          available: model.available,
          held: model.held,
        })
        for (const [i, { peerId }] of providers.entries()) {
          expect(await store.providerBalance(peerId)).toEqual({
            payable: model.payable[i],
            inTransit: model.inTransit[i],
          })
        }
        expect((await store.revenue()) - feesBefore).toBe(model.fees)
        expect((await store.ledgerCheck()).differences).toEqual([])
      }
      // Nothing open may be left for the next history's payout run.
      await runPayouts(context)
    }),
    { numRuns: 20, endOnFailure: true },
  )
  // A history in which nothing is booked proves nothing.
  for (const outcome of ['booked', 'duplicate', 'superseded', 'HANSE_RECEIPT_LIMIT']) {
    expect([outcome, outcomes.get(outcome) ?? 0]).not.toEqual([outcome, 0])
  }
}, 120_000)

async function play(
  step: Step,
  context: TestContext,
  tenant: TestTenant,
  providers: Awaited<ReturnType<typeof addProvider>>[],
  model: Model,
): Promise<void> {
  context.clock.now += 1000
  switch (step.kind) {
    case 'top-up':
      await credit(context, tenant.organization, step.cents)
      model.available += step.cents * CENT
      return
    case 'hold':
      return await playHold(step, context, tenant, providers, model)
    case 'receipts':
      return await playReceipts(step, context, tenant, providers, model)
    case 'release':
      context.clock.now += 100_000 + context.terms.holdGraceMs
      await releaseExpired(context)
      for (const authorization of model.authorizations.filter(
        ({ open, disputed }) => open && !disputed,
      )) {
        authorization.open = false
        model.held -= authorization.left
        model.available += authorization.left
      }
      return
    case 'payouts':
      return await playPayouts(step, context, model)
  }
}

async function playHold(
  { provider, cents }: Step & { kind: 'hold' },
  context: TestContext,
  tenant: TestTenant,
  providers: Awaited<ReturnType<typeof addProvider>>[],
  model: Model,
): Promise<void> {
  const peer = providers[provider]
  if (peer === undefined) return
  const limit = cents * CENT
  const asked = hold(context, tenant, peer, limit, 100_000)
  if (limit > model.available) {
    await expect(asked).rejects.toMatchObject({ code: 'HANSE_BALANCE_INSUFFICIENT' })
    return
  }
  model.available -= limit
  model.held += limit
  const cid = cidOf((await asked).bytes).toString()
  model.hold(cid, provider, limit, context.clock.now + 100_000)
}

async function playReceipts(
  { batch, twice }: Step & { kind: 'receipts' },
  context: TestContext,
  tenant: TestTenant,
  providers: Awaited<ReturnType<typeof addProvider>>[],
  model: Model,
): Promise<void> {
  const claims = batch.map((item) => {
    const authorization = model.authorizations[item.authorization]
    const amount = BigInt(item.rate) * BigInt(item.sequence + 1)
    const session = `${tenant.organization}/${item.authorization}/${item.session}`
    return {
      session,
      authorization: authorization?.cid ?? `none-${randomUUID()}`,
      receipt: cidOf(encodeCanonical(`${session}/${item.sequence}/${amount}`)).toString(),
      consumer: tenant.consumer.peerId,
      provider: providers[authorization?.provider ?? 0]?.peerId,
      model: 'a/b',
      residency: ANYWHERE,
      acceptedAt: context.clock.now,
      sequence: BigInt(item.sequence),
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
    } as Claim
  })
  const { peerId } = context.signer
  const policy = { settlement: peerId, trustedAttestors: [peerId] }
  for (let round = 0; round < (twice ? 2 : 1); round++) {
    const bookings = await store.bookReceipts(claims, policy, context.clock.now)
    const got = bookings.map((booking) => ('code' in booking ? booking.code : booking.status))
    expect(got).toEqual(
      claims.map((claim) =>
        model.book({ ...claim, sequence: Number(claim.sequence) }, context.clock.now),
      ),
    )
    for (const outcome of got) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
}

async function playPayouts(
  { fate }: Step & { kind: 'payouts' },
  context: TestContext,
  model: Model,
): Promise<void> {
  // A run takes what is open from before first, in order of creation, so one fate for all keeps the model simple.
  const { fake } = context
  fake.fates = Array.from({ length: 4 }, () => fate)
  await runPayouts(context)
  fake.fates = []
  for (const [i, payable] of model.payable.entries()) {
    const whole = (payable / CENT) * CENT
    // What was asked before and lost is found by its operation id, whatever this run's fate is.
    model.inTransit[i] = 0n
    if (fate === 'refused') continue
    model.payable[i] = payable - whole
    if (fate === 'lost') model.inTransit[i] = whole
  }
}
