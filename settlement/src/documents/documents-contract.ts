import { picoEuro, SEAL_NONCE_BYTES, sealPersonal } from '@hanse/protocol'
import { describe, expect, test } from 'vitest'
import { databaseFault } from '../db/database.ts'
import type { SettlementStore } from '../db/store.ts'
import { runPayouts } from '../payouts/payout-run.ts'
import { ingest } from '../receipts/ingest.ts'
import { makeDeal } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  credit,
  hold,
  NETWORK,
  NOW,
  type TestContext,
  testContext,
} from '../testing/market.ts'
import { closeMonth } from './close-month.ts'
import { readDocument } from './document-schema.ts'
import { issueDue } from './issue-due.ts'
import { sellerOf } from './seller.ts'
import { verifyDocument } from './verify-document.ts'

const HOUR_MS = 3_600_000
/** 2026-12-01T02:00:00Z, when November is over. */
const DECEMBER = Date.UTC(2026, 11, 1, 2)
const JANUARY = Date.UTC(2027, 0, 1, 2)

const SELLER = {
  name: 'Hanse Betriebs GmbH',
  street: 'Speicherstraße 7',
  postalCode: '20457',
  city: 'Hamburg',
  country: 'DE',
  vatId: 'DE123456789',
  ossSince: '2026-01-01',
} as const

/** What every store keeps of documents. `open` gives a database of its own, the same one each time it is called. */
export function documentsContract(name: string, open: () => Promise<SettlementStore>): void {
  const setUp = async () => {
    const context = testContext(await open())
    context.clock.now = NOW
    return context
  }
  const documentsOf = async ({ store }: TestContext, organization: string) =>
    (await store.documents({ organization, limit: 100 }))
      .map(({ figures }) => readDocument(figures))
      .toReversed()
  const use = async (
    context: TestContext,
    sessions: number,
    tokens = 5,
    tenant?: Awaited<ReturnType<typeof addTenant>>,
  ) => {
    const payer = tenant ?? (await addTenant(context, 100n))
    const provider = await addProvider(context)
    const authorization = await hold(context, payer, provider, 50n * CENT)
    const deals = Array.from({ length: sessions }, () =>
      makeDeal({
        network: NETWORK,
        consumer: payer.consumer,
        provider,
        at: context.now(),
        authorization,
        outputPrice: picoEuro(2_345_678_901n),
      }),
    )
    await ingest(
      context,
      deals.map(({ submission }) => submission(0, tokens)),
    )
    return { tenant: payer, provider }
  }

  describe(`${name}: documents`, () => {
    test('each payment has one invoice, whoever asks and however often, and numbers have no gaps', async () => {
      const context = await setUp()
      const { organization } = await addTenant(context, 100n)
      for (let i = 0; i < 4; i++) await credit(context, organization, BigInt(500 + i))
      const other = { ...context, store: await open() }
      await Promise.all([issueDue(context), issueDue(other), issueDue(context)])
      const documents = await documentsOf(context, organization)
      expect(new Set(documents.map(({ totals }) => totals.grossCents))).toEqual(
        new Set([100n, 500n, 501n, 502n, 503n]),
      )
      expect(documents).toHaveLength(5)
      const all = (await context.store.documents({ kind: 'advance-invoice', limit: 500 })).map(
        ({ number }) => Number(number.split('-')[2]),
      )
      expect(all.toSorted((a, b) => a - b)).toEqual(all.map((_, i) => i + 1))
      expect(documents[0]).toMatchObject({ test: true, tax: null, subject: expect.any(String) })
    })

    test('a month is closed once, and its statements add up to the ledger', async () => {
      const context = await setUp()
      const { store } = context
      const { tenant, provider } = await use(context, 7)
      context.clock.now = DECEMBER
      const { available, held } = await store.balance(tenant.organization)
      const closings = await Promise.all([
        closeMonth(context, '2026-11'),
        closeMonth({ ...context, store: await open() }, '2026-11'),
      ])
      expect(closings.every(({ closed }) => closed)).toBe(true)
      expect(await closeMonth(context, '2026-11')).toMatchObject({ closed: true, statements: 0 })

      const statement = (await documentsOf(context, tenant.organization)).find(
        ({ kind }) => kind === 'usage-statement',
      )
      expect(statement?.account).toMatchObject({ opening: 0n, closing: available + held })
      const used = statement?.lines.reduce((sum, { exact }) => sum + (exact ?? 0n), 0n) ?? 0n
      expect(used).toBe(100n * CENT - available - held)
      const { totals, carry } = statement ?? {}
      expect((totals?.grossCents ?? 0n) * CENT + (carry?.to ?? 0n)).toBe(used)

      const [stored] = await store.documents({ provider: provider.peerId, limit: 10 })
      const earned = stored && readDocument(stored.figures)
      const { payable } = await store.providerBalance(provider.peerId)
      expect(earned?.account?.closing).toBe(payable)
      expect((earned?.totals.grossCents ?? 0n) * CENT + (earned?.carry?.to ?? 0n)).toBe(payable)
      expect(earned?.lines.map(({ label }) => label)).toEqual(['usage', 'fee'])
      expect(earned).toMatchObject({ tax: null, selfBilling: null })
    })

    test('a run that is cut off leaves the month open, and the next one goes on', async () => {
      const context = await setUp()
      context.clock.now = DECEMBER
      const cut = await closeMonth(context, '2026-12', AbortSignal.abort()).catch(() => undefined)
      // December is not over: nothing of it may be there yet.
      expect(cut).toBeUndefined()
      await use(context, 1)
      context.clock.now = JANUARY
      const aborted = await closeMonth(context, '2026-12', AbortSignal.abort())
      expect(aborted).toEqual({ month: '2026-12', statements: 0, closed: false })
      const closed = await closeMonth(context, '2026-12')
      expect(closed).toMatchObject({ closed: true })
      expect(closed.statements).toBeGreaterThan(1)
    })

    test('what is paid out, on its way and held back is in a provider’s account', async () => {
      const context = await setUp()
      const { store } = context
      context.clock.now = Date.UTC(2027, 0, 20)
      const { provider } = await use(context, 9, 20)
      await runPayouts(context)
      context.clock.now = Date.UTC(2027, 1, 1, 2)
      await closeMonth(context, '2027-01')
      const { payable, heldBack, inTransit } = await store.providerMoney(provider.peerId)
      const [stored] = await store.documents({ provider: provider.peerId, limit: 1 })
      const account = stored && readDocument(stored.figures).account
      expect(account).toMatchObject({ closing: payable + heldBack + inTransit, heldBack })
      expect(account?.movements.map(({ kind }) => kind)).toContain('payout')
    })

    test('what is less than a cent is carried into the next month, and nothing is lost', async () => {
      const context = await setUp()
      context.clock.now = Date.UTC(2027, 1, 2)
      const first = await use(context, 3)
      const { tenant } = first
      const total = async () => {
        const { available, held } = await context.store.balance(tenant.organization)
        return 100n * CENT - available - held
      }
      const before = await total()
      context.clock.now = Date.UTC(2027, 2, 1, 2)
      await closeMonth(context, '2027-02')
      await use(context, 3, 7, tenant)
      context.clock.now = Date.UTC(2027, 3, 1, 2)
      await closeMonth(context, '2027-03')
      const statements = (await documentsOf(context, tenant.organization)).filter(
        ({ kind }) => kind === 'usage-statement',
      )
      const [february, march] = statements
      expect(february?.carry).toEqual({ from: 0n, to: before % CENT })
      expect(march?.carry?.from).toBe(february?.carry?.to)
      expect(march?.account?.opening).toBe(february?.account?.closing)
      const cents = statements.reduce((sum, { totals }) => sum + totals.grossCents, 0n)
      expect(cents).toBe((await total()) / CENT)
      for (const { number } of statements) {
        expect(await verifyDocument(context.store, number)).toMatchObject({ sound: true })
      }
    })

    test('a paid period of a plan has an invoice with the VAT that Stripe charged, whatever rule holds now', async () => {
      const seller = sellerOf(SELLER, 'operator')
      const context = { ...(await setUp()), seller }
      const { store } = context
      const { organization } = await addTenant(context, 0n)
      const said = { kind: 'consumer', name: 'A', email: 'a@example.org', line1: 'B 1' } as const
      const place = { postalCode: '75001', city: 'Paris', country: 'FR' }
      await store.setBillingProfile(organization, { ...said, ...place }, NOW)
      const charged = [
        ['at-rate', 3480, 580],
        ['moved', 3451, 551],
        ['free', 2900, 0],
      ] as const
      for (const [id, cents, vat] of charged) {
        await store.executeSql(
          `insert into subscription_invoice (id, organization, cents, vat_cents, credit_cents, period_start, period_end, paid_at)
           values ($1, $2, $3, $4, 3000, $5, $6, $5)`,
          [`${organization}-${id}`, organization, cents, vat, new Date(NOW), new Date(DECEMBER)],
        )
      }
      await issueDue(context)
      const taxes = (await documentsOf(context, organization)).map(
        ({ tax, totals }) => [totals.vatCents, tax && [tax.rule, tax.state, tax.rateBps]] as const,
      )
      expect(new Map(taxes)).toEqual(
        new Map<bigint, unknown>([
          [580n, ['oss', 'FR', 2000]],
          [551n, ['oss', 'FR', 1900]],
          [0n, null],
        ]),
      )
    })

    test('a line leads to the receipts that it is made of, page by page', async () => {
      const context = await setUp()
      const { tenant } = await use(context, 5)
      const from = Date.UTC(2026, 10)
      const query = {
        party: { kind: 'organization', id: tenant.organization },
        period: { from, to: DECEMBER - 2 * HOUR_MS },
        limit: 3,
      } as const
      const first = await context.store.lineReceipts(query)
      const last = first.at(-1)
      if (last === undefined) throw new Error('no receipts')
      const rest = await context.store.lineReceipts({ ...query, after: last })
      expect([first.length, rest.length]).toEqual([3, 2])
      const all = [...first, ...rest].reduce((sum, { increase }) => sum + increase, 0n)
      const { available, held } = await context.store.balance(tenant.organization)
      expect(all).toBe(100n * CENT - available - held)
    })

    test('a document cannot be changed or taken away', async () => {
      const context = await setUp()
      await addTenant(context, 100n)
      await issueDue(context)
      for (const statement of [
        'update document set number = number',
        'delete from document',
        'truncate document',
      ]) {
        const fault = await context.store.executeSql(statement).catch((error: unknown) => error)
        // What a trigger raises, as each of the two servers numbers it.
        expect(['P0001', '23001']).toContain(databaseFault(fault)?.code)
      }
    })

    test('a document that somebody forged in the database is found out, with what differs', async () => {
      const context = await setUp()
      const { store } = context
      const { organization } = await addTenant(context, 100n)
      await issueDue(context)
      const [listed] = await store.documents({ organization, limit: 1 })
      const stored = listed && (await store.document(listed.number))
      if (stored === undefined || stored.content === null) throw new Error('no invoice')
      expect(await verifyDocument(store, stored.number)).toMatchObject({ sound: true })
      const forged = Buffer.from(stored.content).toString().replaceAll('"100"', '"900"')
      // Whoever owns the database can do this, for the keys are in it; nobody else can.
      const [key] = (await store.documentKeys()).filter((one) => one.organization === organization)
      const sealed = sealPersonal(
        Uint8Array.from(Buffer.from(key?.key ?? '', 'hex')),
        new Uint8Array(SEAL_NONCE_BYTES),
        Buffer.from(forged),
      )
      const trigger = (what: string) =>
        store.executeSql(`alter table document ${what} trigger document_is_immutable`)
      await trigger('disable')
      try {
        await store.executeSql(
          `update document set sealed = decode($1, 'hex'), sha256 = sha256(convert_to($2, 'UTF8')) where number = $3`,
          [Buffer.from(sealed).toString('hex'), forged, stored.number],
        )
      } finally {
        await trigger('enable')
      }
      const check = await verifyDocument(store, stored.number)
      expect(check.sound).toBe(false)
      // However well it is forged here, the log was told of other words.
      expect(check.logged).toBeNull()
      expect(check.differences.map(({ field }) => field)).toEqual(
        expect.arrayContaining(['lines', 'totals', 'paidCents']),
      )
      await expect(verifyDocument(store, 'INV-2026-999999')).rejects.toMatchObject({
        code: 'HANSE_NOT_FOUND',
      })
    })

    test('the months are closed in their order, and not before they are over', async () => {
      const context = await setUp()
      await addTenant(context, 100n)
      const refused = { code: 'HANSE_REQUEST_INVALID' }
      context.clock.now = DECEMBER - 1.5 * HOUR_MS
      await expect(closeMonth(context, '2027-12')).rejects.toMatchObject(refused)
      await expect(closeMonth(context, '2026-13')).rejects.toMatchObject(refused)
      context.clock.now = Date.UTC(2027, 11, 2)
      await expect(closeMonth(context, '2027-11')).rejects.toMatchObject(refused)
    })
  })
}
