import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { addOrganization } from '../access/testing/people.ts'
import type { SettlementStore } from '../db/store.ts'
import { ingest } from '../receipts/ingest.ts'
import { retentionPlan } from '../retention/plan.ts'
import { agedTables } from '../retention/run-retention.ts'
import { makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK, NOW, testContext } from '../testing/market.ts'
import { CERTIFICATION } from '../traders/declaration.ts'
import { traderOf } from '../traders/settle-trader.ts'
import { processingRecords } from './records.ts'

const DAY_MS = 86_400_000

/** What every store keeps of what EU mode removes and reports. `open` gives the same database, perhaps on another connection. */
export function complianceContract(name: string, open: () => Promise<SettlementStore>): void {
  describe(`${name}: compliance`, () => {
    test('rows that are never changed go by age alone, and what was allowed to one is allowed to no other', async () => {
      const store = await open()
      const context = testContext(store)
      const { organization } = await addOrganization(context)
      const before = NOW - 400 * DAY_MS
      const entry = {
        organization,
        actor: 'x',
        action: 'a',
        targets: {},
        outcome: '200',
        address: null,
      }
      for (const at of [before - 1, before]) await store.addAccess({ ...entry, at })
      const aged = { className: 'access-log', table: 'access_log', before }
      const removed = await Promise.all([
        store.removeAged(aged, 100),
        (await open()).removeAged(aged, 100),
      ])
      expect(removed.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(1)
      // The connection that was allowed to remove is one like the others again.
      for (let i = 0; i < 5; i++) {
        await expect(
          store.executeSql('delete from access_log where organization = $1', [organization]),
        ).rejects.toThrow()
      }
      expect(await store.accessEntries({ organization, limit: 9 })).toMatchObject([{ at: before }])
    })

    test('each rule is a statement that the database takes, and the plan counts by them', async () => {
      const store = await open()
      const context = testContext(store)
      for (const table of agedTables({}, NOW)) {
        expect(await store.removeAged({ ...table, before: 0 }, 10)).toBe(0)
      }
      expect((await retentionPlan(context)).length).toBeGreaterThan(10)
      const run = await store.beginRetention('anna', NOW)
      await store.endRetention(run, [], NOW + 1)
      expect(await store.retentionRuns(1)).toMatchObject([
        { id: run, endedAt: NOW + 1, report: [] },
      ])
    })

    test('of those who take a step at once each is kept, or told to look again', async () => {
      const id = `br_${randomUUID()}`
      const detected = { kind: 'detected', title: 't', detectedAt: NOW, beganAt: null } as const
      await (await open()).takeBreachStep(id, detected, 'anna', NOW)
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, async (_, i) =>
          (await open()).takeBreachStep(id, { kind: 'noted', text: `${i}` }, 'anna', NOW),
        ),
      )
      const kept = results.filter(({ status }) => status === 'fulfilled').length
      expect(kept).toBeGreaterThanOrEqual(1)
      for (const result of results) {
        if (result.status === 'rejected')
          expect(result.reason).toMatchObject({ code: 'HANSE_BREACH_STEP' })
      }
      const store = await open()
      expect((await store.breach(id))?.steps).toHaveLength(kept + 1)
      // Pages begin after the one that is named.
      const [newest] = await store.breaches({ open: false, limit: 1 })
      const rest = await store.breaches({ open: false, limit: 100, before: newest?.id ?? '' })
      expect(rest.map((one) => one.id)).not.toContain(newest?.id)
      await store.takeBreachStep(
        id,
        { kind: 'assessed', risk: 'unlikely', reasons: 'r' },
        'anna',
        NOW,
      )
      await store.takeBreachStep(id, { kind: 'closed', reasons: 'r' }, 'anna', NOW)
    })

    test('a trader, a year and the records are what was said and booked', async () => {
      const store = await open()
      const context = testContext(store)
      const provider = await addProvider(context)
      const { peerId } = provider
      const said = {
        telephone: '+4940123456',
        email: 'a@b.example',
        certification: CERTIFICATION,
        tins: [],
      } as const
      expect(await store.setTrader(peerId, { ...said, tins: [] }, NOW)).toBe(1)
      await store.reviewTrader(peerId, 1, {
        outcome: 'verified',
        reference: 'r',
        by: 'anna',
        at: NOW,
      })
      expect(await (await open()).trader(peerId)).toMatchObject({
        version: 1,
        declaration: said,
        review: { outcome: 'verified', by: 'anna', at: NOW },
      })
      await store.suspendTrader(peerId, ['name-and-address'], NOW)
      expect((await traderOf(context, peerId))?.suspendedSince).toBe(NOW)
      await store.liftTraderSuspension(peerId, NOW)
      const tenant = await addTenant(context, 100n)
      const authorization = await hold(context, tenant, provider, 10n * CENT)
      const terms = { network: NETWORK, consumer: tenant.consumer, provider, at: NOW }
      await ingest(context, [makeDeal({ ...terms, authorization }).submission(0, 5)])
      const year = { from: Date.UTC(2026, 0), to: Date.UTC(2027, 0), provider: peerId }
      expect(await store.sellerYears(year)).toEqual([
        {
          provider: peerId,
          quarter: 3,
          activities: 1,
          gross: 2_000_000n,
          earned: 1_500_000n,
          adjusted: 0n,
        },
      ])
      const filter = { from: NOW - 1, to: NOW + 1, provider: peerId }
      const page = { after: '', limit: 10 }
      expect(await store.affectedOrganizations(filter, page)).toMatchObject([
        { organization: tenant.organization, sessions: 1, firstAt: NOW },
      ])
      expect(await store.affectedPeople(filter, page)).toEqual([])
      expect((await store.affectedCounts(filter)).sessions).toBe(1)
      const { recipients } = await processingRecords(context)
      expect(recipients.find(({ country }) => country === 'DE')?.sessions).toBeGreaterThanOrEqual(1)
    })
  })
}
