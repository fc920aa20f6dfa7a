import fc from 'fast-check'
import { expect, test } from 'vitest'
import { feeOf } from '../receipts/decide-booking.ts'
import { ingest } from '../receipts/ingest.ts'
import { ingestStatements } from '../receipts/ingest-statements.ts'
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
import type { SettlementStore } from './store.ts'

// Receipts and statements of the same sessions, in any order and any number of times: what is booked is what was last
// signed of each session, once.

const SESSIONS = 5
/** Receipts of each session; the last is final. */
const RECEIPTS = 3
const LANES = 2

type Step =
  | { readonly kind: 'receipts'; readonly items: readonly (readonly [number, number])[] }
  | { readonly kind: 'statements'; readonly items: readonly number[] }

const receiptStep = fc.tuple(fc.nat(SESSIONS - 1), fc.nat(RECEIPTS - 1))
const history = fc.record({
  tokens: fc.array(fc.nat(900), { minLength: SESSIONS, maxLength: SESSIONS }),
  /** Which statement holds a session; the last number is none. */
  stated: fc.array(fc.nat(4), { minLength: SESSIONS, maxLength: SESSIONS }),
  /** Steps of one list run one after the other, lists at once. */
  clients: fc.array(
    fc.array(
      fc.oneof(
        fc.record({
          kind: fc.constant('receipts' as const),
          items: fc.array(receiptStep, { minLength: 1, maxLength: 4 }),
        }),
        fc.record({
          kind: fc.constant('statements' as const),
          items: fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }),
        }),
      ),
      { maxLength: 4 },
    ),
    { minLength: 1, maxLength: 3 },
  ),
})

/** `open` gives the same database, perhaps on another connection. */
export function interleavingContract(name: string, open: () => Promise<SettlementStore>): void {
  test(`${name}: any mix of receipts and statements books each session once, at its highest amount`, async () => {
    const stores = [await open(), await open()] as const
    const [store] = stores
    let [bookedByStatement, bookedByReceipt] = [0, 0]
    await fc.assert(
      fc.asyncProperty(history, async ({ tokens, stated, clients }) => {
        const context = testContext(store)
        const made = await market(context, tokens, stated)
        const highest = new Map<number, number>()
        const play = async (client: TestContext, step: Step): Promise<void> => {
          if (step.kind === 'receipts') {
            for (const [session, sequence] of step.items) raise(highest, session, sequence)
            const items = step.items.flatMap(([session, n]) => made.receipts[session]?.[n] ?? [])
            const results = await ingest(client, items)
            bookedByReceipt += results.filter(({ status }) => status === 'booked').length
            expect(results.filter(({ status }) => status === 'rejected')).toEqual([])
            return
          }
          const items = step.items.flatMap((i) => made.statements[i] ?? [])
          for (const [i, result] of (await ingestStatements(client, items)).entries()) {
            if (result.status === 'rejected') {
              expect(result.code).toBe('HANSE_STATEMENT_PREVIOUS')
              continue
            }
            expect(result.refused).toEqual([])
            if (result.increase > 0n) bookedByStatement++
            for (const session of items[i]?.holds ?? []) raise(highest, session, RECEIPTS - 1)
          }
        }
        await Promise.all(
          clients.map(async (steps, i) => {
            const client = { ...context, store: stores[i % 2] ?? store }
            for (const step of steps) await play(client, step)
          }),
        )
        let [amount, fees] = [0n, 0n]
        for (const [session, sequence] of highest) {
          const value = made.amounts[session]?.[sequence] ?? 0n
          amount += value
          fees += feeOf(value, context.terms.feeBps)
        }
        const { held } = await store.balance(made.organization)
        expect(100n * CENT - held).toBe(amount)
        expect((await store.providerBalance(made.provider)).payable).toBe(amount - fees)
        expect((await store.ledgerCheck()).differences).toEqual([])
      }),
      { numRuns: 30 },
    )
    expect(bookedByStatement).toBeGreaterThan(10)
    expect(bookedByReceipt).toBeGreaterThan(10)
  }, 120_000)
}

function raise(highest: Map<number, number>, session: number, sequence: number): void {
  highest.set(session, Math.max(highest.get(session) ?? 0, sequence))
}

async function market(context: TestContext, tokens: number[], stated: number[]) {
  const { organization, consumer } = await addTenant(context, 100n)
  const provider = await addProvider(context)
  const authorization = await hold(context, { organization, consumer }, provider, 100n * CENT)
  const parties = { network: NETWORK, consumer, provider, authorization }
  const receipts = tokens.map((count) => {
    const deal = makeDeal({ ...parties, at: context.now() })
    return Array.from({ length: RECEIPTS }, (_, n) =>
      deal.submission(n, count * (n + 1), { final: n === RECEIPTS - 1 ? 'completed' : null }),
    )
  })
  const lines = receipts.flatMap((of) => of.at(-1) ?? []).map(lineOf)
  const last = new Map<number, MadeStatement>()
  const statements = Array.from({ length: 4 }, (_, i) => {
    const holds = lines.flatMap((_line, session) => (stated[session] === i ? [session] : []))
    if (holds.length === 0) return undefined
    const lane = i % LANES
    const previous = last.get(lane)
    const statement = makeStatement(
      { ...parties, lane, ...(previous !== undefined && { previous }) },
      holds.flatMap((session) => lines[session] ?? []),
    )
    last.set(lane, statement)
    return { ...statement, holds }
  })
  const amounts = tokens.map((count) =>
    Array.from({ length: RECEIPTS }, (_, n) => 10n * 100_000n + BigInt(count * (n + 1)) * 200_000n),
  )
  return { organization, provider: provider.peerId, receipts, statements, amounts }
}
