import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { SettlementTerms } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { BANK, VAT } from '../ledger/accounts.ts'
import { addTenant, CENT, credit, type TestContext, testContext } from '../testing/market.ts'
import { closeByHand, closeDueMonths } from './close-due-months.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const difference = {
  side: 'ledger-stripe',
  subject: 'tr_stray',
  expected: '0',
  actual: '-77',
  reason: 'not-in-ledger',
  state: 'open',
} as const

/** When months are closed, and what they wait for. `open` gives a database of its own, whose months are closed in their order. */
export function monthClosingContract(name: string, open: () => Promise<SettlementStore>): void {
  /** Some bookings in a month; then it has been over for two hours. */
  const endOf = async (
    month: number,
    terms: Partial<SettlementTerms> = {},
  ): Promise<TestContext & { organization: string }> => {
    const context = testContext(await open(), terms)
    context.clock.now = Date.UTC(2026, month, 10)
    const { organization } = await addTenant(context, 100n)
    context.clock.now = Date.UTC(2026, month + 1, 1, 2)
    return { ...context, organization }
  }
  const compare = ({ store, now }: TestContext, found: readonly (typeof difference)[] = []) => {
    const done = { whole: true, since: 0, until: now(), askedBy: 'anna', startedAt: now() }
    const counted = { movements: 1, stripeCents: 0n, balanceCompared: true }
    return store.recordReconciliation({ ...done, ...counted }, found, now())
  }
  const waiting = async (context: TestContext) => (await closeDueMonths(context)).waiting?.open
  const told = async ({ store }: TestContext, month: string) =>
    (
      await store.executeSql(
        `select facts from notification_event where kind = 'month.waiting' and subject = $1`,
        [month],
      )
    ).rows
  const last = async ({ store }: TestContext) => (await store.closings({ limit: 1 }))[0]

  describe(`${name}: ends of months`, () => {
    test('a month waits until it is compared and nothing of it is open, and is then closed by itself', async () => {
      const context = await endOf(9)
      const { store, organization } = context
      expect(await waiting(context)).toEqual([{ point: 'comparison', open: 1 }])
      await compare(context, [difference])
      expect(await waiting(context)).toEqual([{ point: 'differences', open: 1 }])

      const proposal = {
        id: `ad-${randomUUID()}`,
        kind: 'adjustment' as const,
        debit: VAT,
        credit: BANK,
        amount: CENT,
        reason: 'a test',
        movement: null,
        proposedBy: 'anna',
        proposedAt: context.now(),
        expiresAt: context.now() + DAY_MS,
      }
      await store.proposeAdjustment(proposal)
      const dispute = (id: string, at: number) =>
        store.executeSql(
          `insert into dispute (id, organization, payment_intent, cents, reason, status, created_at, updated_at)
            values ($1, $2, $1, 500, 'fraudulent', 'needs-response', $3, $3)`,
          [id, organization, new Date(at)],
        )
      await dispute('dp_of_october', Date.UTC(2026, 9, 20))
      await dispute('dp_of_november', Date.UTC(2026, 10, 1, 1))
      const run = (id: string, at: number) =>
        store.executeSql(
          `insert into payout_run (id, state, payouts, cents, gathered_by, gathered_at) values ($1, 'gathered', 1, 1, 'anna', $2)`,
          [id, new Date(at)],
        )
      await run('pr-october', Date.UTC(2026, 9, 31))
      await run('pr-november', Date.UTC(2026, 10, 1, 1))
      expect(await waiting(context)).toEqual([
        { point: 'payout-runs', open: 1 },
        { point: 'adjustments', open: 1 },
        { point: 'differences', open: 1 },
        { point: 'disputes', open: 1 },
      ])

      await store.rejectAdjustment({ id: proposal.id, by: 'bert', note: null, at: context.now() })
      await store.executeSql(`update payout_run set state = 'cancelled'`)
      // The bank may take months: what was answered is not waited for.
      await store.executeSql(`update dispute set status = 'under-review'`)
      await compare(context)
      expect((await closeDueMonths(context)).closed).toMatchObject([
        { month: '2026-10', closed: true },
      ])
      expect(await last(context)).toMatchObject({ closedBy: 'system', reason: null, open: [] })
    })

    test('books that do not add up keep a month open, and operators are told once', async () => {
      const context = await endOf(10)
      const { store } = context
      await compare(context)
      const account = `available/${context.organization}`
      const shift = (by: number) =>
        store.executeSql(`update ledger_balance set credits = credits + $1 where account = $2`, [
          by,
          account,
        ])
      await shift(1)
      expect(await waiting(context)).toEqual([{ point: 'ledger', open: expect.any(Number) }])
      expect(await told(context, '2026-11')).toEqual([])
      context.clock.now += DAY_MS
      await waiting(context)
      await waiting(context)
      expect(await told(context, '2026-11')).toEqual([{ facts: { ledger: expect.any(Number) } }])
      await shift(-1)
      expect((await closeDueMonths(context)).closed).toHaveLength(1)
    })

    test('an operator closes a month in which something is open, and says why', async () => {
      const context = await endOf(11)
      await compare(context, [difference])
      const month = '2026-12'
      const anna = { by: 'op-anna' }
      await expect(closeByHand(context, month, anna)).rejects.toMatchObject({
        code: 'HANSE_MONTH_OPEN',
        message: expect.stringContaining('differences 1'),
      })
      expect(await closeByHand(context, '2026-11', anna)).toMatchObject({ statements: 0 })
      await expect(closeByHand(context, '2027-01', anna)).rejects.toMatchObject({
        code: 'HANSE_REQUEST_INVALID',
      })
      const reason = 'A gift: the founders know of it'
      expect(await closeByHand(context, month, { ...anna, reason })).toMatchObject({ closed: true })
      expect(await last(context)).toMatchObject({
        month,
        closedBy: 'op-anna',
        reason,
        open: [{ point: 'differences', open: 1 }],
      })
    })

    test('by hand, no month is closed by itself, and operators are told at once that one is over', async () => {
      const context = await endOf(12, { closeMonths: 'by-hand' })
      await compare(context)
      expect(await closeDueMonths(context)).toEqual({
        closed: [],
        waiting: { month: '2027-01', open: [] },
      })
      expect(await told(context, '2027-01')).toHaveLength(1)
      await closeByHand(context, '2027-01', { by: 'op-anna' })
      expect(await last(context)).toMatchObject({ closedBy: 'op-anna', reason: null, open: [] })
    })

    test('told to, the service closes every month that is over, whatever is open', async () => {
      const context = await endOf(13, { closeMonths: 'auto' })
      context.clock.now = Date.UTC(2027, 3, 2)
      await credit(context, context.organization, 3n)
      await compare(context, [difference])
      const { closed, waiting: left } = await closeDueMonths(context)
      expect(closed.map(({ month }) => month)).toEqual(['2027-02', '2027-03'])
      expect(left).toBeNull()
      expect(await last(context)).toMatchObject({ closedBy: 'system', open: [] })
    })
  })
}
