import {
  acceptance,
  encodeCanonical,
  order,
  picoEuro,
  receipt,
  type Signer,
  signBytes,
  signedFields,
  statement,
} from '@hanse/protocol'
import { describe, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { IngestCounts } from '../ingest/ingest-counts.ts'
import { makeDeal, newSigner } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  hold,
  NETWORK,
  type TestContext,
  testContext,
} from '../testing/market.ts'
import { lineOf, makeStatement } from '../testing/statements.ts'
import { feeOf } from './decide-booking.ts'
import { ingest, type SubmissionResult } from './ingest.ts'
import { ingestStatements } from './ingest-statements.ts'
import { readSubmissions, type Submission } from './submission.ts'

/** The largest amount, token count or sequence number that a record can hold. */
const COUNTER_MAX = 2n ** 63n - 1n

/** Whoever tries these gains nothing, and is counted. `open` gives the same database, perhaps on another connection. */
export function attacksContract(name: string, open: () => Promise<SettlementStore>): void {
  const setUp = async (limit: bigint = 100n * CENT, cents = 100n) => {
    const context = testContext(await open())
    const tenant = await addTenant(context, cents)
    const provider = await addProvider(context)
    const authorization = await hold(context, tenant, provider, limit)
    const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
    const deal = (changes: Partial<Parameters<typeof makeDeal>[0]> = {}) =>
      makeDeal({ ...parties, at: context.now(), ...changes })
    return { context, tenant, provider, authorization, parties, deal }
  }
  const codes = (results: readonly SubmissionResult[]) =>
    results.map((result) => (result.status === 'rejected' ? result.code : result.status))
  const wealth = async ({ store }: TestContext, provider: Signer) =>
    (await store.providerBalance(provider.peerId)).payable
  const balanced = async ({ store }: TestContext) =>
    expect(await store.ledgerCheck()).toMatchObject({ balanced: true, differences: [] })

  describe(`${name}: attacks`, () => {
    test('nobody signs for another: not in their role, nor with a signature from elsewhere', async () => {
      const { context, parties, tenant, provider, deal } = await setUp()
      const { submission } = deal()
      const good = submission(0, 5)
      const [byProvider, byConsumer] = good.receipt.signatures
      if (byProvider === undefined || byConsumer === undefined) throw new Error('not signed')
      const thief = newSigner()
      const asConsumer = (signer: Signer) => ({
        ...signBytes(parties, receipt, good.receipt.bytes, 'consumer', signer),
        signer: tenant.consumer.peerId,
      })
      const signed = (signatures: (typeof byProvider)[]): Submission => ({
        ...good,
        receipt: { bytes: good.receipt.bytes, signatures },
      })
      const ownOrder = signBytes(parties, order, good.order.bytes, 'consumer', thief)
      const results = await ingest(context, [
        signed([byProvider, asConsumer(thief)]),
        signed([byProvider, asConsumer(provider)]),
        signed([byProvider, { ...byProvider, role: 'consumer', signer: tenant.consumer.peerId }]),
        signed([byProvider, byProvider]),
        { ...good, order: { bytes: good.order.bytes, signatures: [ownOrder] } },
        {
          ...good,
          acceptance: {
            bytes: good.acceptance.bytes,
            signatures: [signBytes(parties, acceptance, good.acceptance.bytes, 'provider', thief)],
          },
        },
        deal({ consumer: thief }).submission(0, 5),
        deal({ provider: thief }).submission(0, 5),
      ])
      expect(codes(results)).toEqual([
        'HANSE_SIGNATURE_INVALID',
        'HANSE_SIGNATURE_INVALID',
        'HANSE_SIGNATURE_INVALID',
        'HANSE_SIGNATURE_MISSING',
        'HANSE_SIGNATURE_MISSING',
        'HANSE_SIGNATURE_MISSING',
        'HANSE_CONSUMER_UNKNOWN',
        'HANSE_PROVIDER_UNKNOWN',
      ])
      const counts = new IngestCounts()
      counts.add(results)
      expect(counts.all).toMatchObject({ HANSE_SIGNATURE_INVALID: 3, HANSE_SIGNATURE_MISSING: 3 })
      expect(await wealth(context, provider)).toBe(0n)
      await balanced(context)
    })

    test('another organization’s authorization pays for nobody else', async () => {
      const victim = await setUp()
      const thief = await setUp(CENT)
      const { context, provider, tenant } = thief
      const { authorization } = victim
      const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
      const stolen = makeDeal({ ...parties, at: context.now() }).submission(0, 5)
      const line = { ...lineOf(stolen), final: 'completed' as const }
      expect(codes(await ingest(context, [stolen]))).toEqual(['HANSE_AUTHORIZATION_INVALID'])
      expect(await ingestStatements(context, [makeStatement(parties, [line])])).toMatchObject([
        { status: 'rejected', code: 'HANSE_AUTHORIZATION_INVALID' },
      ])
      expect(await wealth(context, provider)).toBe(0n)
      expect((await context.store.balance(victim.tenant.organization)).held).toBe(100n * CENT)
    })

    test('the largest numbers there are book what is held, and no larger ones come in', async () => {
      const { context, provider, deal } = await setUp(COUNTER_MAX, 1_000_000_000n)
      const huge = { inputPrice: picoEuro(0n), outputPrice: picoEuro(1n) }
      const limits = { orderChanges: { maxOutputTokens: COUNTER_MAX, ...huge } }
      const whole = deal(limits)
      const most = { outputTokens: COUNTER_MAX, amount: picoEuro(COUNTER_MAX) }
      const more = deal(limits)
      // Tokens that no record can hold, in bytes that both sides signed.
      const beyond = [2n ** 63n, 2n ** 64n - 1n].map((outputTokens) => {
        const made = more.submission(0, 0)
        const value = { ...receipt.decode(made.receipt.bytes), outputTokens, $type: receipt.type }
        const bytes = encodeCanonical(value)
        return { ...made, receipt: { ...made.receipt, bytes } }
      })
      const overflow = deal({
        orderChanges: { maxOutputTokens: COUNTER_MAX, outputPrice: picoEuro(COUNTER_MAX) },
      })
      const wrapped = { outputTokens: COUNTER_MAX, amount: picoEuro(1n) }
      expect(
        codes(
          await ingest(context, [
            ...beyond,
            overflow.submission(0, 0, wrapped),
            whole.submission(1, 0, { ...most, sequence: COUNTER_MAX }),
            more.submission(0, 1),
          ]),
        ),
      ).toEqual([
        'HANSE_RECORD_FIELDS',
        'HANSE_RECORD_FIELDS',
        'HANSE_RECEIPT_AMOUNT',
        'booked',
        'HANSE_RECEIPT_LIMIT',
      ])
      expect(await context.store.session(whole.session)).toMatchObject({
        amount: COUNTER_MAX,
        sequence: COUNTER_MAX,
        outputTokens: COUNTER_MAX,
      })
      expect(await wealth(context, provider)).toBe(COUNTER_MAX - feeOf(COUNTER_MAX, 2500))
      await balanced(context)
    })

    test('statements cannot be made to count more than their lines do', async () => {
      const { context, parties, provider, deal } = await setUp()
      const line = { ...lineOf(deal().submission(0, 5)), final: 'completed' as const }
      const other = { ...lineOf(deal().submission(0, 6)), final: 'completed' as const }
      const good = makeStatement(parties, [line, other])
      const swapped = makeStatement(parties, [other, line])
      const claims = [
        makeStatement({ ...parties, changes: { amount: picoEuro(good.value.amount + 1n) } }, [
          line,
          other,
        ]),
        makeStatement({ ...parties, changes: { sessions: 1 } }, [line, other]),
        makeStatement({ ...parties, changes: { root: new Uint8Array(32) } }, [line, other]),
        makeStatement(parties, [line, line]),
        { ...good, lines: swapped.lines },
        {
          ...good,
          statement: {
            ...signedFields(good.statement),
            bytes: statement.encode({ ...good.value, amount: picoEuro(1n) }),
          },
        },
      ]
      const results = await ingestStatements(context, claims)
      expect(results.map((one) => ('code' in one ? one.code : one.status))).toEqual([
        'HANSE_STATEMENT_TOTALS',
        'HANSE_STATEMENT_ROOT',
        'HANSE_STATEMENT_ROOT',
        'HANSE_STATEMENT_LINE',
        'HANSE_STATEMENT_ROOT',
        'HANSE_SIGNATURE_INVALID',
      ])
      expect(await wealth(context, provider)).toBe(0n)
    })

    test('splitting an amount into sessions of one token saves less than a millionth of a cent of fees', async () => {
      const { context, parties, tenant, provider, deal } = await setUp()
      const { store } = context
      const before = await store.revenue()
      // The price at which rounding takes the most: the fee of three pico-euro is 0.75, rounded down to nothing.
      const prices = { inputPrice: picoEuro(0n), outputPrice: picoEuro(3n) }
      const sessions = 300
      const lines = Array.from({ length: sessions }, () => ({
        ...lineOf(deal(prices).submission(0, 1)),
        final: 'completed' as const,
      }))
      await ingestStatements(context, [makeStatement(parties, lines)])
      const amount = 3n * BigInt(sessions)
      expect(100n * CENT - (await store.balance(tenant.organization)).held).toBe(amount)
      const saved = feeOf(amount, 2500) - ((await store.revenue()) - before)
      expect(saved).toBe(225n)
      // Less than one pico-euro a session, whatever price and rate: a million sessions save a ten-thousandth of a cent.
      expect(saved).toBeLessThan(BigInt(sessions))
      expect(1_000_000n * 10_000n).toBeLessThanOrEqual(CENT)
      expect(await wealth(context, provider)).toBe(amount)
      await balanced(context)
    })

    test('batches that are sent again, by both sides and through every process, gain nothing and are counted', async () => {
      const { context, parties, provider, deal } = await setUp()
      const other = { ...context, store: await open() }
      const items = Array.from({ length: 4 }, () => deal().submission(0, 5, { final: 'completed' }))
      const stated = makeStatement(parties, items.slice(0, 2).map(lineOf))
      const counts = new IngestCounts()
      await Promise.all(
        Array.from({ length: 12 }, async (_, i) => {
          const process = i % 2 === 0 ? context : other
          counts.add(await ingest(process, i % 3 === 0 ? items.toReversed() : items))
          counts.add(await ingestStatements(process, [stated]))
        }),
      )
      expect(counts.all.booked).toBe(4)
      expect(counts.all.duplicate).toBe(12 * 4 + 12 * 2 - 4)
      expect(await wealth(context, provider)).toBe(4n * 1_500_000n)
      await balanced(context)
    })

    test('what is no batch, or a bomb of nested lists, is refused as a whole', () => {
      const bomb = new Uint8Array(100_000).fill(0x81)
      expect(() => readSubmissions(bomb)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^HANSE_RECORD_/u) }),
      )
      expect(() => readSubmissions(encodeCanonical({ items: [], more: 1 }))).toThrow(
        expect.objectContaining({ code: 'HANSE_REQUEST_INVALID' }),
      )
      // A head that announces four billion items.
      expect(() => readSubmissions(Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff))).toThrow(
        expect.objectContaining({ code: 'HANSE_RECORD_MALFORMED' }),
      )
    })
  })
}
