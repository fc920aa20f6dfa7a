import { describe, expect, test } from 'vitest'
import { releaseExpired } from '../authorizations/release-expired.ts'
import type { SettlementStore } from '../db/store.ts'
import { addProvider, addTenant, CENT, credit, hold, testContext } from '../testing/market.ts'

/** What every store keeps of money. `open` gives the same database each time, perhaps on another connection. */
export function ledgerContract(name: string, open: () => Promise<SettlementStore>): void {
  describe(`${name}: ledger`, () => {
    test('a top-up is credited once, however often it is told', async () => {
      const context = testContext(await open())
      const { store } = context
      const { organization } = await addTenant(context, 0n)
      const id = `tu-${organization}`
      const outcome = {
        id,
        paymentIntent: `pi-${id}`,
        cents: 500n,
        status: 'succeeded',
        at: 1,
      } as const
      await store.beginTopUp({
        id,
        organization,
        idempotencyKey: 'k',
        requestDigest: 'd',
        cents: 500n,
        at: 1,
      })
      const event = {
        id: `evt-${id}`,
        type: 'payment_intent.succeeded',
        body: new Uint8Array(2),
        at: 1,
      }
      const fresh = await Promise.all([
        store.takeStripeEvent(event, [{ kind: 'top-up', outcome }]),
        store.takeStripeEvent(event, [{ kind: 'top-up', outcome }]),
        store.finishTopUp(outcome).then(() => false),
        store.finishTopUp({ ...outcome, status: 'failed' }).then(() => false),
      ])
      expect(fresh.filter(Boolean)).toHaveLength(1)
      expect(await store.balance(organization)).toEqual({ available: 500n * CENT, held: 0n })
      expect(await store.finishTopUp({ ...outcome, status: 'failed' })).toMatchObject({
        state: 'succeeded',
      })
      expect(await store.ledgerCheck()).toMatchObject({ balanced: true, differences: [] })
    })

    test('holds asked for at once never take more than there is', async () => {
      const context = testContext(await open())
      const tenant = await addTenant(context, 10n)
      const provider = await addProvider(context)
      const asked = await Promise.allSettled(
        Array.from({ length: 15 }, () => hold(context, tenant, provider, CENT)),
      )
      const refused = asked.filter((result) => result.status === 'rejected')
      expect(refused).toHaveLength(5)
      for (const { reason } of refused)
        expect(reason).toMatchObject({ code: 'HANSE_BALANCE_INSUFFICIENT' })
      const { organization } = tenant
      expect(await context.store.balance(organization)).toEqual({ available: 0n, held: 10n * CENT })
      expect(await context.store.ledgerCheck()).toMatchObject({ balanced: true })
    })

    test('a refused hold leaves no trace', async () => {
      const context = testContext(await open())
      const tenant = await addTenant(context, 1n)
      const provider = await addProvider(context)
      const before = await context.store.ledgerCheck()
      await expect(hold(context, tenant, provider, CENT + 1n)).rejects.toMatchObject({
        code: 'HANSE_BALANCE_INSUFFICIENT',
      })
      const after = await context.store.ledgerCheck()
      expect(after).toMatchObject({ balanced: true, transfers: before.transfers })
    })

    test('an unused hold returns after its grace, once', async () => {
      const context = testContext(await open())
      const tenant = await addTenant(context, 3n)
      const provider = await addProvider(context)
      await hold(context, tenant, provider, 2n * CENT, 60_000)
      context.clock.now += 60_000 + context.terms.holdGraceMs - 1
      await releaseExpired(context)
      expect((await context.store.balance(tenant.organization)).held).toBe(2n * CENT)
      context.clock.now += 1
      await Promise.all([releaseExpired(context), releaseExpired(context)])
      expect(await context.store.balance(tenant.organization)).toEqual({
        available: 3n * CENT,
        held: 0n,
      })
      expect(await context.store.ledgerCheck()).toMatchObject({ balanced: true })
    })

    test('amounts beyond 64 bits keep every digit', async () => {
      const context = testContext(await open())
      const { organization } = await addTenant(context, 99_999_999n)
      for (let i = 0; i < 11; i++) await credit(context, organization, 99_999_999n)
      const { available } = await context.store.balance(organization)
      expect(available).toBe(12n * 99_999_999n * CENT)
      expect(available > 2n ** 63n).toBe(true)
    })

    test('entries come newest first, page by page', async () => {
      const context = testContext(await open())
      const { organization } = await addTenant(context, 0n)
      const intents: string[] = []
      for (const cents of [1n, 2n, 3n]) intents.push(await credit(context, organization, cents))
      const account = `available/${organization}`
      const first = await context.store.ledgerEntries({ limit: 2, account })
      expect(first.map(({ reference }) => reference)).toEqual([intents[2], intents[1]])
      const before = first.at(-1)?.id ?? 0n
      const rest = await context.store.ledgerEntries({ limit: 2, account, before })
      expect(rest).toMatchObject([{ reference: intents[0], amount: CENT, kind: 'top_up' }])
    })
  })
}
