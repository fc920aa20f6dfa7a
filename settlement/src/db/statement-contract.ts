import { setTimeout } from 'node:timers/promises'
import {
  cidOf,
  picoEuro,
  type Receipt,
  type SignedRecord,
  type Statement,
  signedFields,
} from '@hanse/protocol'
import { describe, expect, test } from 'vitest'
import { ingest } from '../receipts/ingest.ts'
import { ingestStatements } from '../receipts/ingest-statements.ts'
import { type Deal, type DealTerms, makeDeal } from '../testing/deals.ts'
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
import type { SettlementStore } from './store.ts'

const FINAL: Partial<Receipt> = { final: 'completed' }
const finalOf = (deal: Deal, sequence: number, tokens: number) =>
  deal.submission(sequence, tokens, FINAL)

/** What every store keeps of statements. `open` gives the same database, perhaps on another connection. */
export function statementContract(name: string, open: () => Promise<SettlementStore>): void {
  const setUp = async (limit: bigint = 100n * CENT) => {
    const context = testContext(await open())
    const tenant = await addTenant(context, 100n)
    const provider = await addProvider(context)
    const authorization = await hold(context, tenant, provider, limit)
    const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
    const deal = (changes: Partial<DealTerms> = {}) =>
      makeDeal({ ...parties, at: context.now(), ...changes })
    const state = (
      submissions: ReturnType<Deal['submission']>[],
      previous?: MadeStatement,
      changes: Partial<Statement> = {},
    ) =>
      makeStatement(
        { ...parties, changes, ...(previous !== undefined && { previous }) },
        submissions.map(lineOf),
      )
    return { context, tenant, provider, authorization, parties, deal, state }
  }
  const statuses = async (context: TestContext, items: MadeStatement[]) =>
    (await ingestStatements(context, items)).map((result) =>
      result.status === 'rejected' ? result.code : result.status,
    )
  const balanced = async ({ store }: TestContext) =>
    expect(await store.ledgerCheck()).toMatchObject({ balanced: true, differences: [] })

  describe(`${name}: statements`, () => {
    test('a lane of statements books its sessions, each with one posting', async () => {
      const { context, tenant, provider, deal, state } = await setUp()
      const { store } = context
      const deals = Array.from({ length: 5 }, () => deal())
      const items = deals.map((one, i) => finalOf(one, 2, 3 * i + 1))
      const first = state(items.slice(0, 3))
      const second = state(items.slice(3), first)
      const revenue = await store.revenue()
      expect(await ingestStatements(context, [first, second])).toMatchObject([
        {
          status: 'booked',
          statement: first.cid.toString(),
          increase: first.value.amount,
          sessions: { booked: 3, duplicate: 0, superseded: 0 },
          refused: [],
        },
        { status: 'booked', increase: second.value.amount - first.value.amount },
      ])
      const entries = await store.ledgerEntries({ limit: 4 })
      expect(entries.map(({ kind, reference }) => `${kind} ${reference}`).toSorted()).toEqual(
        [first, second]
          .flatMap(({ cid }) => [`platform_fee ${cid.toString()}`, `usage ${cid.toString()}`])
          .toSorted(),
      )
      const session = await store.session(deals[4]?.session ?? '')
      expect(session).toMatchObject({ sequence: 2n, statement: second.cid.toString() })
      let fees = 0n
      for (const one of deals) fees += (await store.session(one.session))?.fee ?? 0n
      expect((await store.revenue()) - revenue).toBe(fees)
      expect((await store.providerBalance(provider.peerId)).payable).toBe(
        second.value.amount - fees,
      )
      expect((await store.balance(tenant.organization)).held).toBe(
        100n * CENT - second.value.amount,
      )
      await balanced(context)
    })

    test('the same statements ten times, from two processes at once, with the receipts between them', async () => {
      const { context, provider, deal, state } = await setUp()
      const other = { ...context, store: await open() }
      const items = Array.from({ length: 6 }, (_, i) => finalOf(deal(), 1, i + 1))
      const first = state(items.slice(0, 3))
      const second = state(items.slice(3), first)
      await Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          const one = i % 2 === 0 ? context : other
          await ingestStatements(one, [first, second])
          await ingest(one, i % 3 === 0 ? items.toReversed() : items)
        }),
      )
      const { payable } = await context.store.providerBalance(provider.peerId)
      expect(payable).toBe((second.value.amount * 3n) / 4n)
      expect(await statuses(context, [second, first])).toEqual(['duplicate', 'duplicate'])
      await balanced(context)
    })

    test('a session that was booked by a receipt books only the difference', async () => {
      const { context, deal, state } = await setUp()
      const [one, two] = [deal(), deal()]
      await ingest(context, [one.submission(0, 5), finalOf(two, 1, 4)])
      const statement = state([finalOf(one, 1, 9), finalOf(two, 1, 4)])
      expect(await ingestStatements(context, [statement])).toMatchObject([
        {
          status: 'booked',
          increase: 800_000n,
          sessions: { booked: 1, duplicate: 1 },
        },
      ])
      await balanced(context)
    })

    test('after a statement its receipts are duplicates, older ones superseded, others equivocation', async () => {
      const { context, deal, state } = await setUp()
      const one = deal()
      const last = finalOf(one, 1, 9)
      await ingestStatements(context, [state([last])])
      const results = await ingest(context, [last, one.submission(0, 5), finalOf(one, 1, 10)])
      expect(results.map((result) => ('code' in result ? result.code : result.status))).toEqual([
        'duplicate',
        'superseded',
        'HANSE_RECEIPT_EQUIVOCATION',
      ])
      expect(await context.store.receiptConflicts(one.session)).toHaveLength(1)
      await balanced(context)
    })

    test('a line that contradicts a receipt is refused alone, and kept as evidence', async () => {
      const { context, deal, state } = await setUp()
      const [one, two] = [deal(), deal()]
      await ingest(context, [finalOf(one, 1, 9)])
      const statement = state([finalOf(one, 1, 10), finalOf(two, 0, 1)])
      const refused = [{ session: one.session, code: 'HANSE_RECEIPT_EQUIVOCATION' }]
      expect(await ingestStatements(context, [statement])).toMatchObject([
        { status: 'booked', sessions: { booked: 1 }, refused },
      ])
      // A sender that lost the answer gets the refusals again.
      expect(await ingestStatements(context, [statement])).toMatchObject([
        { status: 'duplicate', increase: 0n, sessions: { duplicate: 1 }, refused },
      ])
      expect(await context.store.receiptConflicts(one.session)).toHaveLength(1)
      await balanced(context)
    })

    test('statements of a lane come in their order, and a gap is told from a fault', async () => {
      const { context, deal, state } = await setUp()
      const items = Array.from({ length: 3 }, () => finalOf(deal(), 0, 1))
      const [a, b, c] = items as [(typeof items)[0], (typeof items)[0], (typeof items)[0]]
      const first = state([a])
      const second = state([b], first)
      const third = state([c], second)
      const untrue = state([b], first, { amount: picoEuro(second.value.amount + 1n) })
      const jump = state([c], second, { sequence: 5n })
      expect(await statuses(context, [third, first, untrue, jump, second])).toEqual([
        'HANSE_STATEMENT_PREVIOUS',
        'booked',
        'HANSE_STATEMENT_TOTALS',
        'HANSE_STATEMENT_PREVIOUS',
        'booked',
      ])
      expect(await statuses(context, [jump, third])).toEqual(['HANSE_STATEMENT_SEQUENCE', 'booked'])
      await balanced(context)
    })

    test('two statements under one number are kept as evidence, and the second books nothing', async () => {
      const { context, authorization, deal, state } = await setUp()
      const [one, two] = [finalOf(deal(), 0, 5), finalOf(deal(), 0, 6)]
      const [first, second] = [state([one]), state([two])]
      expect(await statuses(context, [first, second, second])).toEqual([
        'booked',
        'HANSE_STATEMENT_EQUIVOCATION',
        'HANSE_STATEMENT_EQUIVOCATION',
      ])
      expect(await context.store.statementConflicts(cidText(authorization))).toEqual([
        { cid: second.cid.toString() },
      ])
      // Its session is settled by the receipt, which is true.
      expect(await ingest(context, [two])).toMatchObject([{ status: 'booked' }])
      await balanced(context)
    })

    test('a bad statement never fails its neighbours', async () => {
      const { context, tenant, provider, parties, deal, state } = await setUp()
      const good = state([finalOf(deal(), 0, 1)])
      const [first] = good.statement.signatures
      const stranger = await addTenant(context, 0n)
      const foreign = makeStatement({ ...parties, consumer: stranger.consumer, lane: 1 }, [
        lineOf(finalOf(deal(), 0, 1)),
      ])
      const elsewhere = makeStatement(
        { ...parties, network: 'elsewhere', consumer: tenant.consumer, provider },
        [lineOf(finalOf(deal(), 0, 1))],
      )
      const [line] = good.lines
      if (first === undefined || line === undefined) throw new Error('not made')
      expect(
        await statuses(context, [
          { ...good, statement: { ...signedFields(good.statement), signatures: [first] } },
          { ...good, lines: [line.slice(1)] },
          { ...good, lines: [line, line] },
          foreign,
          elsewhere,
          good,
        ]),
      ).toEqual([
        'HANSE_SIGNATURE_MISSING',
        'HANSE_STATEMENT_ROOT',
        'HANSE_STATEMENT_ROOT',
        'HANSE_AUTHORIZATION_INVALID',
        'HANSE_SIGNATURE_INVALID',
        'booked',
      ])
    })

    test('what does not fit is refused line by line', async () => {
      const { context, parties, provider, deal } = await setUp(5_000_000n)
      const [one, two, three] = [
        finalOf(deal(), 0, 5),
        finalOf(deal(), 0, 15),
        finalOf(deal(), 0, 6),
      ]
      const statement = makeStatement(parties, [one, two, three].map(lineOf))
      const [result] = await ingestStatements(context, [statement])
      expect(result).toMatchObject({
        status: 'booked',
        increase: 4_200_000n,
        sessions: { booked: 2 },
        refused: [{ session: sessionOf(two), code: 'HANSE_RECEIPT_LIMIT' }],
      })
      expect((await context.store.providerBalance(provider.peerId)).payable).toBe(3_150_000n)
      await balanced(context)
    })

    test('what was refused is booked when the statement comes again and it is right by then', async () => {
      const { context, parties, provider, deal } = await setUp()
      const residency = { allow: ['EU'], minLevel: 3 }
      const items = [finalOf(deal({ residency }), 0, 1), finalOf(deal({ residency }), 0, 1)]
      const strict = makeStatement({ ...parties, residency }, items.map(lineOf))
      const { store } = context
      await store.setProviderPayable(provider.peerId, false, context.now())
      const refused = items.map(() => ({ code: 'HANSE_POLICY_RESIDENCY' }))
      expect(await ingestStatements(context, [strict])).toMatchObject([
        { status: 'booked', increase: 0n, refused },
      ])
      await store.setProviderPayable(provider.peerId, true, context.now())
      expect(await ingestStatements(context, [strict, strict])).toMatchObject([
        { status: 'booked', increase: 2_400_000n, sessions: { booked: 2 }, refused: [] },
        { status: 'duplicate', increase: 0n, sessions: { duplicate: 2 } },
      ])
      expect((await store.providerBalance(provider.peerId)).payable).toBe(1_800_000n)
      await balanced(context)
    })

    test('sessions that are too old are refused, and a closed authorization refuses all', async () => {
      const { context, deal, state } = await setUp()
      const statement = state([finalOf(deal(), 0, 5)])
      context.clock.now += context.terms.receiptGraceMs + 1
      expect(await ingestStatements(context, [statement])).toMatchObject([
        { status: 'booked', increase: 0n, refused: [{ code: 'HANSE_RECEIPT_EXPIRED' }] },
      ])
      await context.store.releaseExpired(context.now(), context.now())
      expect(await statuses(context, [state([finalOf(deal(), 0, 6)], statement)])).toEqual([
        'HANSE_HOLD_RELEASED',
      ])
      await balanced(context)
    })

    test('a line with another pair’s order stands in nobody’s way', async () => {
      const victim = await setUp()
      const thief = await setUp()
      const one = victim.deal()
      const last = finalOf(one, 1, 9)
      const squat = makeStatement(thief.parties, [lineOf(last)])
      expect(await statuses(thief.context, [squat])).toEqual(['booked'])
      const results = await ingest(victim.context, [last, last])
      expect(results.map(({ status }) => status)).toEqual(['booked', 'duplicate'])
      // Each pair has paid its own, and who shows the order is who is meant.
      const { store } = victim.context
      expect(await store.session(one.session)).toMatchObject({
        session: one.session,
        provider: victim.provider.peerId,
      })
      expect((await store.providerBalance(victim.provider.peerId)).payable).toBe(2_100_000n)
      expect(await statuses(victim.context, [victim.state([last])])).toEqual(['booked'])
      expect((await store.providerBalance(victim.provider.peerId)).payable).toBe(2_100_000n)
      await balanced(victim.context)
    })

    test('two pairs that name one order at once are both booked, each its own', async () => {
      const store = await open()
      // A window of a millisecond: rounds that begin a little later each find it.
      for (let lateMs = -4; lateMs <= 4; lateMs++) {
        const [a, b] = [await setUp(), await setUp()]
        const other = { ...b.context, store }
        const items = Array.from({ length: 4 }, () => finalOf(a.deal(), 0, 5))
        const squat = makeStatement(b.parties, items.map(lineOf))
        await Promise.all([
          setTimeout(Math.max(0, lateMs)).then(() => ingest(a.context, items)),
          setTimeout(Math.max(0, -lateMs)).then(() => ingestStatements(other, [squat])),
        ])
        for (const { provider } of [a, b]) {
          const { payable } = await a.context.store.providerBalance(provider.peerId)
          expect(payable).toBe(4n * 1_500_000n)
        }
        await balanced(a.context)
      }
    })

    test('a session is paid from one authorization, whatever statements say', async () => {
      const { context, tenant, provider, parties, deal, state } = await setUp(50n * CENT)
      const second = await hold(context, tenant, provider, 50n * CENT)
      const one = deal()
      expect(await statuses(context, [state([finalOf(one, 1, 9)])])).toEqual(['booked'])
      const again = makeStatement({ ...parties, authorization: second }, [
        lineOf(finalOf(one, 1, 9)),
      ])
      expect(await ingestStatements(context, [again])).toMatchObject([
        { status: 'booked', increase: 0n, refused: [{ code: 'HANSE_RECEIPT_LINK' }] },
      ])
      await balanced(context)
    })
  })
}

const cidText = (record: SignedRecord) => cidOf(record.bytes).toString()
const sessionOf = (submission: ReturnType<Deal['submission']>) => cidText(submission.order)
