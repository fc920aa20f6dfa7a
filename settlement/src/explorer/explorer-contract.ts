import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import type { AccountId } from '../ledger/accounts.ts'
import { runPayouts } from '../payouts/payout-run.ts'
import { ingest } from '../receipts/ingest.ts'
import { ingestStatements } from '../receipts/ingest-statements.ts'
import { type DealTerms, makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK, testContext } from '../testing/market.ts'
import { lineOf, makeStatement } from '../testing/statements.ts'
import type { Movement } from './payout-earnings.ts'

/** What every store tells of where money came from. `open` gives the same database, perhaps on another connection. */
export function explorerContract(name: string, open: () => Promise<SettlementStore>): void {
  const setUp = async () => {
    const context = testContext(await open())
    const tenant = await addTenant(context, 1_000n)
    const provider = await addProvider(context)
    const authorization = await hold(context, tenant, provider, 900n * CENT)
    const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
    // 200,000 pico-euro a token: a hundred thousand of them are two cents.
    const deal = (changes: Partial<DealTerms> = {}) =>
      makeDeal({ ...parties, at: context.now(), ...changes })
    return { context, store: context.store, tenant, provider, parties, deal }
  }
  const net = (movements: readonly Movement[]) =>
    movements.reduce((sum, { side, amount }) => (side === 'in' ? sum + amount : sum - amount), 0n)

  describe(`${name}: explorer`, () => {
    test('a payout is all that was earned since the one before, and what is left goes into the next', async () => {
      const { context, store, provider, deal } = await setUp()
      const account = `payable/${provider.peerId}` as const
      await ingest(context, [deal().submission(0, 200_007), deal().submission(0, 100_003)])
      await runPayouts(context)
      await ingest(context, [deal().submission(0, 100_001)])
      context.fake.fates = ['refused']
      await runPayouts(context)
      await runPayouts(context)

      const paid = await store.payouts({ after: '', limit: 10, provider: provider.peerId })
      const statements = []
      for (const { id } of paid) {
        const statement = await store.payoutEarnings(id)
        if (statement === undefined) throw new Error(`${id} has no statement`)
        statements.push(statement)
      }
      const [first, refused, last] = statements.toSorted((a, b) => (a.until < b.until ? -1 : 1))
      expect(first).toMatchObject({ account, from: null, opening: 0n })
      expect(first?.movements).toEqual([
        {
          kind: 'usage',
          side: 'in',
          count: 2,
          amount: (((200_007n + 100_003n) * 200_000n + 2_000_000n) * 3n) / 4n,
        },
      ])
      expect(refused?.from).toBe(first?.until)
      expect(last?.movements).toMatchObject([{ kind: 'payout_reversal', side: 'in', count: 1 }])
      for (const one of statements) {
        expect(one.opening + net(one.movements) - one.paid).toBe(one.closing)
        expect(one.closing).toBeGreaterThanOrEqual(0n)
        expect(one.closing).toBeLessThan(CENT)
      }
      expect(refused?.opening).toBe(first?.closing)
      expect(last?.opening).toBe(refused?.closing)
      expect(last?.closing).toBe((await store.providerBalance(provider.peerId)).payable)

      // The entries that a reader goes on to are the movements, one by one.
      const entries = await store.ledgerEntries({
        account,
        limit: 100,
        before: first?.until ?? 0n,
      })
      expect(entries.reduce((sum, { amount }) => sum + amount, 0n)).toBe(
        net(first?.movements ?? []),
      )
      expect(
        await store.ledgerEntries({
          account,
          limit: 100,
          after: first?.until ?? 0n,
          before: refused?.until ?? 0n,
        }),
      ).toMatchObject([{ kind: 'usage' }])
    })

    test('a payout leads to a receipt, and the receipt back to the payout', async () => {
      const { context, store, tenant, provider, deal } = await setUp()
      const { session, submission } = deal()
      await ingest(context, [submission(0, 100_000), submission(1, 150_000)])
      await runPayouts(context)
      const [payout] = await store.payouts({ after: '', limit: 1, provider: provider.peerId })
      const account = `payable/${provider.peerId}`
      const [paid, ...earned] = await store.ledgerEntries({ account, limit: 10 })
      expect(await store.ledgerTransfer(paid?.id ?? 0n)).toMatchObject({
        cause: { type: 'payout', id: payout?.id, party: provider.peerId, state: 'paid' },
        paidBy: null,
      })
      const details = await store.ledgerTransfer(earned.at(-1)?.id ?? 0n)
      expect(details).toMatchObject({
        cause: { type: 'receipt', id: session, party: tenant.organization },
        paidBy: { payout: payout?.id, state: 'paid', transfer: paid?.id },
      })
      expect(details?.postings.map(({ kind }) => kind).toSorted()).toEqual([
        'platform_fee',
        'usage',
      ])

      const trail = await store.sessionTrail(session)
      expect(trail).toMatchObject({ session, frozenAt: null, provider: provider.peerId })
      const posted = trail?.postings.reduce((sum, { amount }) => sum + amount, 0n)
      const increases = trail?.receipts.reduce((sum, { increase }) => sum + increase, 0n)
      expect(posted).toBe(trail?.amount)
      expect(increases).toBe(trail?.amount)
      for (const { kind, paidBy } of trail?.postings ?? []) {
        expect(paidBy?.payout).toBe(kind === 'usage' ? payout?.id : undefined)
      }
    })

    test('a statement has one posting for its sessions, and each of them leads to it', async () => {
      const { context, store, provider, parties, deal } = await setUp()
      const deals = [deal(), deal(), deal()]
      const lines = deals.map((one, i) =>
        lineOf(one.submission(0, 100_000 * (i + 1), { final: 'completed' })),
      )
      const made = makeStatement({ ...parties, changes: {} }, lines)
      await ingestStatements(context, [made])
      await runPayouts(context)
      const cid = made.cid.toString()
      const whole = await store.statementTrail(cid, { offset: 0, limit: 10 })
      expect(whole?.sessions).toBe(3)
      expect(whole?.lines.reduce((sum, { amount }) => sum + amount, 0n)).toBe(whole?.amount)
      expect(whole?.postings.reduce((sum, { amount }) => sum + amount, 0n)).toBe(whole?.amount)
      const part = await store.statementTrail(cid, { offset: 1, limit: 1 })
      expect(part?.lines.map(({ session }) => session)).toEqual([deals[1]?.session])
      const [payout] = await store.payouts({ after: '', limit: 1, provider: provider.peerId })
      const trail = await store.sessionTrail(deals[2]?.session ?? '')
      expect(trail).toMatchObject({ statement: cid, postings: whole?.postings })
      const usage = trail?.postings.find(({ kind }) => kind === 'usage')
      expect(usage?.paidBy?.payout).toBe(payout?.id)
      expect((await store.ledgerTransfer(usage?.id ?? 0n))?.cause).toMatchObject({
        type: 'statement',
        id: cid,
      })
    })

    test('every transfer of the ledger has a cause', async () => {
      const { context, store, tenant, provider, deal } = await setUp()
      await ingest(context, [deal().submission(0, 100_000)])
      await runPayouts(context)
      for (const account of [
        `available/${tenant.organization}`,
        `held/${tenant.organization}`,
        `payable/${provider.peerId}`,
        `payout_in_transit/${provider.peerId}`,
      ]) {
        for (const { id } of await store.ledgerEntries({ account, limit: 100 })) {
          expect(await store.ledgerTransfer(id)).toMatchObject({
            cause: { id: expect.any(String) },
          })
        }
      }
    })

    test('accounts come in pages, and their totals are the same on both sides', async () => {
      const { store, tenant } = await setUp()
      const owner = tenant.organization
      const mine = await store.ledgerAccounts({ owner, limit: 10 })
      expect(mine.map(({ account }) => account)).toEqual([
        `available/${owner}`,
        `debt/${owner}`,
        `held/${owner}`,
      ])
      expect(mine[2]).toMatchObject({ debits: 0n, credits: 900n * CENT })
      const seen: AccountId[] = []
      for (let after: AccountId | undefined = mine[0]?.account; after !== undefined; ) {
        const page = await store.ledgerAccounts({ kind: 'held', after, limit: 2 })
        seen.push(...page.map(({ account }) => account))
        after = page.at(-1)?.account
      }
      expect(new Set(seen).size).toBe(seen.length)
      expect(seen).toContain(`held/${owner}`)
      const totals = await store.ledgerTotals()
      const sum = (side: 'debits' | 'credits') => totals.reduce((all, one) => all + one[side], 0n)
      expect(sum('debits')).toBe(sum('credits'))
    })

    test('sessions of a provider and frozen ones are found, page by page', async () => {
      const { context, store, provider, deal } = await setUp()
      const one = deal()
      const other = deal()
      await ingest(context, [one.submission(0, 5), other.submission(0, 5)])
      context.clock.now += 1000
      expect(await ingest(context, [one.submission(0, 6)])).toMatchObject([
        { code: 'HANSE_RECEIPT_EQUIVOCATION' },
      ])
      const [newest] = await store.settledSessions({ provider: provider.peerId, limit: 1 })
      const before = { at: newest?.updatedAt ?? 0, id: newest?.key ?? '' }
      const rest = await store.settledSessions({ provider: provider.peerId, limit: 10, before })
      expect(new Set([newest, ...rest].map((row) => row?.session))).toEqual(
        new Set([one.session, other.session]),
      )
      const frozen = await store.settledSessions({
        frozen: true,
        provider: provider.peerId,
        limit: 10,
      })
      expect(frozen).toMatchObject([{ session: one.session, frozenAt: context.now() }])
      expect((await store.sessionTrail(one.session))?.conflicts).toHaveLength(1)
    })

    test('what is not there is not found', async () => {
      const { store } = await setUp()
      expect(await store.ledgerTransfer(2n ** 53n)).toBeUndefined()
      expect(await store.payoutEarnings(randomUUID())).toBeUndefined()
      expect(await store.sessionTrail(randomUUID())).toBeUndefined()
      expect(await store.statementTrail(randomUUID(), { offset: 0, limit: 1 })).toBeUndefined()
    })

    test('organizations and providers are listed with what operators look for', async () => {
      const { context, store, tenant, provider } = await setUp()
      const { organization } = tenant
      expect(await store.organizations({ search: organization, limit: 5 })).toMatchObject([
        { organization, available: 100n * CENT, held: 900n * CENT, debt: 0n, disabledAt: null },
      ])
      expect(await store.organizationDetails(organization)).toMatchObject({
        basis: 'contract',
        keys: 1,
        consumers: [tenant.consumer.peerId],
        holds: [{ provider: provider.peerId, limit: 900n * CENT, spent: 0n }],
      })
      expect(await store.organizationDetails('org_none')).toBeUndefined()
      const at = context.now()
      const [found] = await store.providers({ search: provider.peerId, limit: 5, at })
      expect(found?.concerns).toContain('unattested')
      await store.blockAttestations(provider.peerId, 'a question', at)
      const blocked = await store.providers({
        search: provider.peerId,
        concern: 'blocked',
        limit: 5,
        at,
      })
      expect(blocked).toMatchObject([{ provider: provider.peerId, country: found?.country }])
      await store.liftAttestationBlock(provider.peerId, at)
      const query = { search: provider.peerId, concern: 'blocked', limit: 5, at } as const
      expect(await store.providers(query)).toEqual([])
    })
  })
}
