import { decodeCanonical, type Receipt } from '@hanse/protocol'
import { describe, expect, test } from 'vitest'
import { releaseExpired } from '../authorizations/release-expired.ts'
import type { SettlementStore } from '../db/store.ts'
import { ingest } from '../receipts/ingest.ts'
import { ingestStatements } from '../receipts/ingest-statements.ts'
import type { Submission } from '../receipts/submission.ts'
import { makeDeal } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  hold,
  NETWORK,
  type TestContext,
  testContext,
} from '../testing/market.ts'
import { lineOf, type MadeStatement, makeStatement } from '../testing/statements.ts'

const DAY_MS = 86_400_000
const FINAL: Partial<Receipt> = { final: 'completed' }

/** What every store keeps when two peers sign two truths. `open` gives the same database, perhaps on another connection. */
export function conflictContract(name: string, open: () => Promise<SettlementStore>): void {
  const setUp = async (limit: bigint = 100n * CENT) => {
    const context = testContext(await open())
    const tenant = await addTenant(context, 100n)
    const provider = await addProvider(context)
    const authorization = await hold(context, tenant, provider, limit)
    const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
    const deal = () => makeDeal({ ...parties, at: context.now() })
    const state = (submissions: Submission[], previous?: MadeStatement, lane = 0) =>
      makeStatement(
        { ...parties, lane, ...(previous !== undefined && { previous }) },
        submissions.map(lineOf),
      )
    const earned = async () => (await context.store.providerBalance(provider.peerId)).payable
    const alerts = () => context.store.alerts({ organization: tenant.organization, limit: 10 })
    return { context, tenant, provider, deal, state, earned, alerts }
  }
  const statuses = async (context: TestContext, items: Submission[]) =>
    (await ingest(context, items)).map((result) => ('code' in result ? result.code : result.status))
  const stated = async (context: TestContext, items: MadeStatement[]) =>
    (await ingestStatements(context, items)).map((result) => {
      if (result.status === 'rejected') return result.code
      return [result.status, ...result.refused.map(({ code }) => code)].join(' ')
    })
  const balanced = async ({ store }: TestContext) =>
    expect(await store.ledgerCheck()).toMatchObject({ balanced: true, differences: [] })
  const cidOfReceipt = (submission: Submission) => lineOf(submission).receipt.toString()

  describe(`${name}: two truths under one number`, () => {
    test('freeze the session, tell both parties, and keep all evidence', async () => {
      const { context, tenant, provider, deal, earned, alerts } = await setUp()
      const { submission, session } = deal()
      const [kept, other, third] = [submission(1, 5), submission(1, 6), submission(1, 7)]
      expect(await statuses(context, [kept, other, submission(2, 9)])).toEqual([
        'booked',
        'HANSE_RECEIPT_EQUIVOCATION',
        'HANSE_SESSION_FROZEN',
      ])
      // Also in a batch of its own, and on the way to the same session by a statement.
      expect(await statuses(context, [submission(3, 9), kept, other, third])).toEqual([
        'HANSE_SESSION_FROZEN',
        'duplicate',
        'HANSE_RECEIPT_EQUIVOCATION',
        'HANSE_RECEIPT_EQUIVOCATION',
      ])
      expect(await earned()).toBe(1_500_000n)
      const told = {
        kind: 'receipt-equivocation',
        subject: session,
        organization: tenant.organization,
        provider: provider.peerId,
        kept: cidOfReceipt(kept),
        at: context.now(),
        resolvedAt: null,
      }
      expect(await alerts()).toMatchObject([
        { ...told, contradicting: cidOfReceipt(third) },
        { ...told, contradicting: cidOfReceipt(other) },
      ])
      expect(await context.store.alerts({ provider: provider.peerId, limit: 10 })).toHaveLength(2)
      const bytes = await context.store.conflictEvidence(cidOfReceipt(other))
      const evidence = decodeCanonical(bytes ?? new Uint8Array(), 1 << 20)
      expect(evidence).toMatchObject({
        session,
        order: { bytes: kept.order.bytes },
        acceptance: { bytes: kept.acceptance.bytes },
        receipts: [
          kept,
          ...[other, third].toSorted((a, b) => (cidOfReceipt(a) < cidOfReceipt(b) ? -1 : 1)),
        ].map(({ receipt: { bytes } }) => ({ receipt: { bytes } })),
      })
      await balanced(context)
    })

    test('a line of a statement freezes the session of a receipt, and only that', async () => {
      const { context, deal, state, alerts } = await setUp()
      const [one, two] = [deal(), deal()]
      await ingest(context, [one.submission(1, 9, FINAL)])
      const lie = one.submission(1, 10, FINAL)
      const statement = state([lie, two.submission(0, 1, FINAL)])
      expect(await stated(context, [statement])).toEqual(['booked HANSE_RECEIPT_EQUIVOCATION'])
      expect(await statuses(context, [one.submission(2, 11), two.submission(1, 2)])).toEqual([
        'HANSE_SESSION_FROZEN',
        'booked',
      ])
      expect(await alerts()).toMatchObject([{ subject: one.session }])
      const bytes = await context.store.conflictEvidence(cidOfReceipt(lie))
      expect(decodeCanonical(bytes ?? new Uint8Array(), 1 << 20)).toMatchObject({
        receipts: [
          {},
          { statement: { bytes: statement.statement.bytes }, lines: [...statement.lines] },
        ],
      })
      await balanced(context)
    })

    test('two statements freeze their lane; other lanes and the receipts go on', async () => {
      const { context, deal, state, alerts } = await setUp()
      const [one, two, three] = [deal(), deal(), deal()]
      const first = state([one.submission(0, 5, FINAL)])
      const second = state([two.submission(0, 6, FINAL)])
      const next = state([three.submission(0, 7, FINAL)], first)
      expect(await stated(context, [first, second, next])).toEqual([
        'booked',
        'HANSE_STATEMENT_EQUIVOCATION',
        'HANSE_STATEMENT_FROZEN',
      ])
      expect(await stated(context, [next, first, second])).toEqual([
        'HANSE_STATEMENT_FROZEN',
        'duplicate',
        'HANSE_STATEMENT_EQUIVOCATION',
      ])
      expect(await alerts()).toMatchObject([
        {
          kind: 'statement-equivocation',
          kept: first.cid.toString(),
          contradicting: second.cid.toString(),
        },
      ])
      const bytes = await context.store.conflictEvidence(second.cid.toString())
      expect(decodeCanonical(bytes ?? new Uint8Array(), 1 << 20)).toMatchObject({
        lane: 0,
        statements: [first, second].map(({ bytes }) => ({ statement: { bytes } })),
      })
      expect(await statuses(context, [two.submission(0, 6, FINAL)])).toEqual(['booked'])
      const elsewhere = state([three.submission(0, 7, FINAL)], undefined, 1)
      expect(await stated(context, [elsewhere])).toEqual(['booked'])
      await balanced(context)
    })

    test('the operator keeps what is booked, and the session goes on', async () => {
      const { context, deal, earned, alerts } = await setUp()
      const { submission, session } = deal()
      const [kept, other] = [submission(1, 5), submission(1, 6)]
      await ingest(context, [kept, other])
      expect(
        await context.store.resolveSession(session, cidOfReceipt(kept), context.now()),
      ).toMatchObject({ increase: 0n })
      // What was decided on freezes nothing again.
      expect(await statuses(context, [other, submission(2, 10)])).toEqual([
        'HANSE_RECEIPT_EQUIVOCATION',
        'booked',
      ])
      expect(await earned()).toBe(((1_000_000n + 10n * 200_000n) * 3n) / 4n)
      expect(await alerts()).toMatchObject([{ resolvedAt: context.now() }])
      await balanced(context)
    })

    test('each number is decided on by itself, and the session waits for the last', async () => {
      const { context, deal, alerts } = await setUp()
      const { submission, session } = deal()
      const [three, five, next] = [submission(3, 5), submission(5, 8), submission(6, 9)]
      await ingest(context, [three, five, submission(3, 6), submission(5, 9), submission(5, 10)])
      const keep = (one: Submission) =>
        context.store.resolveSession(session, cidOfReceipt(one), context.now())
      expect(await keep(three)).toMatchObject({ open: 2 })
      expect(await statuses(context, [next])).toEqual(['HANSE_SESSION_FROZEN'])
      expect((await alerts()).map(({ resolvedAt }) => resolvedAt === null)).toEqual([
        true,
        true,
        false,
      ])
      await expect(keep(three)).rejects.toMatchObject({ code: 'HANSE_RESOLUTION_INVALID' })
      expect(await keep(submission(5, 9))).toMatchObject({ increase: 200_000n, open: 0 })
      expect(await statuses(context, [submission(6, 11)])).toEqual(['booked'])
      await balanced(context)
    })

    test('a receipt that nobody contradicts decides nothing', async () => {
      const { context, deal } = await setUp()
      const { submission, session } = deal()
      const [before, kept] = [submission(1, 4), submission(2, 5)]
      await ingest(context, [before, kept, submission(2, 6)])
      await expect(
        context.store.resolveSession(session, cidOfReceipt(before), context.now()),
      ).rejects.toMatchObject({ code: 'HANSE_RESOLUTION_INVALID' })
      expect(await statuses(context, [submission(3, 9)])).toEqual(['HANSE_SESSION_FROZEN'])
    })

    test('the operator keeps the other one: what it says more is booked, once', async () => {
      const { context, tenant, deal, earned, alerts } = await setUp()
      const { submission, session } = deal()
      const [less, more] = [submission(1, 5), submission(1, 9)]
      await ingest(context, [less, more])
      const keep = () => context.store.resolveSession(session, cidOfReceipt(more), context.now())
      expect(await keep()).toMatchObject({ increase: 800_000n })
      await expect(keep()).rejects.toMatchObject({ code: 'HANSE_RESOLUTION_INVALID' })
      expect(await earned()).toBe(2_100_000n)
      expect((await context.store.balance(tenant.organization)).held).toBe(100n * CENT - 2_800_000n)
      expect(await context.store.session(session)).toMatchObject({
        receipt: cidOfReceipt(more),
        amount: 2_800_000n,
        outputTokens: 9n,
      })
      expect(await statuses(context, [more, less, submission(2, 10)])).toEqual([
        'duplicate',
        'HANSE_RECEIPT_EQUIVOCATION',
        'booked',
      ])
      expect(await alerts()).toHaveLength(1)
      await balanced(context)
    })

    test('nobody’s money is taken back by a resolution, and nothing is booked beyond the hold', async () => {
      const { context, deal } = await setUp(3_000_000n)
      const [one, two] = [deal(), deal()]
      const less = one.submission(1, 4)
      const more = two.submission(1, 9)
      await ingest(context, [one.submission(1, 5), less, two.submission(1, 0), more])
      const resolve = (session: string, keep: string) =>
        context.store.resolveSession(session, keep, context.now())
      await expect(resolve(one.session, cidOfReceipt(less))).rejects.toMatchObject({
        code: 'HANSE_RESOLUTION_NEGATIVE',
      })
      await expect(resolve(two.session, cidOfReceipt(more))).rejects.toMatchObject({
        code: 'HANSE_RECEIPT_LIMIT',
      })
      await expect(resolve(two.session, cidOfReceipt(less))).rejects.toMatchObject({
        code: 'HANSE_RESOLUTION_INVALID',
      })
      await expect(resolve('nothing', 'nothing')).rejects.toMatchObject({ code: 'HANSE_NOT_FOUND' })
      await balanced(context)
    })

    test('a hold waits for the decision on its session, and for what was refused meanwhile', async () => {
      const { context, deal, earned } = await setUp()
      const { clock, store } = context
      const { submission, session } = deal()
      const [kept, next] = [submission(1, 5), submission(2, 9)]
      await ingest(context, [kept, submission(1, 6), next])
      clock.now += 5 * DAY_MS
      await releaseExpired(context)
      await store.resolveSession(session, cidOfReceipt(kept), context.now())
      clock.now += context.terms.holdGraceMs - 1
      await releaseExpired(context)
      expect(await statuses(context, [next])).toEqual(['booked'])
      expect(await earned()).toBe(2_100_000n)
      clock.now += 1
      await releaseExpired(context)
      expect(await statuses(context, [submission(3, 10)])).toEqual(['HANSE_HOLD_RELEASED'])
      await balanced(context)
    })

    test('when nobody decides, the hold goes with the last day on which receipts are settled', async () => {
      const { context, tenant, deal } = await setUp()
      const { submission } = deal()
      await ingest(context, [submission(1, 5), submission(1, 6)])
      const held = async () => (await context.store.balance(tenant.organization)).held
      context.clock.now += context.terms.receiptGraceMs
      await releaseExpired(context)
      expect(await held()).toBeGreaterThan(0n)
      context.clock.now += DAY_MS
      await releaseExpired(context)
      expect(await held()).toBe(0n)
      await balanced(context)
    })

    test('a line of a statement can be kept instead of a receipt', async () => {
      const { context, deal, state, earned } = await setUp()
      const one = deal()
      const stated = one.submission(1, 10, FINAL)
      await ingest(context, [one.submission(1, 9)])
      await ingestStatements(context, [state([stated])])
      await context.store.resolveSession(one.session, cidOfReceipt(stated), context.now())
      expect(await earned()).toBe(2_250_000n)
      expect(await context.store.session(one.session)).toMatchObject({ final: 'completed' })
      await balanced(context)
    })
  })
}
