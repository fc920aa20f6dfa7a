import {
  picoEuro,
  type Residency,
  type SignedRecord,
  spendAuthorization,
  type UsagePolicy,
} from '@hanse/protocol'
import { describe, expect, test } from 'vitest'
import { attest } from '../attestations/attest.ts'
import type { SettlementStore } from '../db/store.ts'
import { type DealTerms, makeDeal } from '../testing/deals.ts'
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
import { ingest } from './ingest.ts'
import { ingestStatements } from './ingest-statements.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const ANYWHERE: Residency = { allow: [], minLevel: 0 }
type Rule = UsagePolicy['rules'][number]

/** Where work may be done that is paid for: what the order says, and what the organization says that pays. */
export function residencyContract(name: string, open: () => Promise<SettlementStore>): void {
  async function setUp(rules: readonly Rule[]) {
    const context = testContext(await open())
    const { store } = context
    const tenant = await addTenant(context, 100n)
    const { organization } = tenant
    const provider = await addProvider(context)
    if (rules.length > 0) {
      const document: UsagePolicy = { version: 1, rules: [...rules] }
      const given = { organization, document, source: '', format: 'json', actor: 'test' } as const
      await store.activatePolicy(
        organization,
        await store.addPolicy({ ...given, at: context.now() }),
      )
    }
    const authorization = await hold(context, tenant, provider, 50n * CENT)
    const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
    const deal = (changes: Partial<DealTerms> = {}) =>
      makeDeal({ ...parties, at: context.now(), ...changes })
    return { context, store, organization, provider, authorization, parties, deal }
  }
  const sell = async (context: TestContext, items: Parameters<typeof ingest>[1]) =>
    (await ingest(context, items)).map((result) => ('code' in result ? result.code : result.status))
  const ruleOf = ({ bytes }: SignedRecord) => spendAuthorization.decode(bytes).residency
  const toldTo = (store: SettlementStore, organization: string) =>
    store.events({ owner: organization, kind: 'residency.violated', limit: 10 })

  /** An operator has looked at its documents, and this service says so. */
  async function checkDocuments({ store, now, ...context }: TestContext, provider: string) {
    const at = now()
    await store.recordLocationEvidence(
      provider,
      [
        {
          kind: 'operator',
          country: 'DE',
          outcome: 'supports',
          reference: 'file 12',
          pings: [],
          observedAt: at,
          expiresAt: at + 30 * DAY_MS,
        },
      ],
      at,
    )
    const row = await store.provider(provider)
    if (row === undefined) throw new Error('no such provider')
    expect(await attest({ store, now, ...context }, row)).toHaveProperty('attestation')
  }

  describe(`${name}: residency`, () => {
    test('an authorization says where its organization lets work be done, as far as that is ruled of it', async () => {
      expect(ruleOf((await setUp([])).authorization)).toBeUndefined()
      const rules: Rule[] = [
        { name: 'place', for: {}, regions: ['EU'] },
        { name: 'close', for: {}, regions: ['DE', 'FR', 'US'], minLevel: 2 },
        { name: 'sure', for: {}, evidence: ['payout-account'], minLevel: 3 },
        // Whose it is settlement is not told of this authorization.
        { name: 'team', for: { team: 'research' }, regions: ['DE'] },
        { name: 'dear', for: {}, maxOutputPrice: '2.00' },
      ]
      expect(ruleOf((await setUp(rules)).authorization)).toEqual({
        allow: ['DE', 'FR'],
        minLevel: 3,
        evidence: ['payout-account'],
      })
      const apart: Rule[] = [
        { name: 'here', for: {}, regions: ['DE'] },
        { name: 'there', for: {}, regions: ['EU'] },
        { name: 'nowhere', for: {}, regions: ['FR'] },
      ]
      await expect(setUp(apart)).rejects.toMatchObject({ code: 'HANSE_POLICY_REFUSED' })
    })

    test('what the organization does not allow is not paid, though the order asked for nothing; it is told once', async () => {
      const { context, store, organization, provider, deal, parties } = await setUp([
        { name: 'documents', for: {}, minLevel: 4 },
      ])
      const refused = deal({ residency: ANYWHERE })
      const item = refused.submission(0, 5, { final: 'completed' })
      const before = await store.balance(organization)
      for (let again = 0; again < 3; again++)
        expect(await sell(context, [item])).toEqual(['HANSE_POLICY_RESIDENCY'])
      const stated = makeStatement({ ...parties, residency: ANYWHERE }, [lineOf(item)])
      expect(await ingestStatements(context, [stated])).toMatchObject([
        { refused: [{ session: refused.session, code: 'HANSE_POLICY_RESIDENCY' }] },
      ])
      expect((await store.providerBalance(provider.peerId)).payable).toBe(0n)
      expect(await store.balance(organization)).toEqual(before)
      expect(await toldTo(store, organization)).toMatchObject([
        { subject: refused.session, severity: 'urgent', facts: { provider: provider.peerId } },
      ])
      expect(await store.ledgerCheck()).toMatchObject({ balanced: true })
    })

    test('documents count for whoever hands in the receipt or a line of a statement, from when they were attested until consumers have heard that they are not', async () => {
      const { context, store, organization, provider, deal, parties } = await setUp([
        { name: 'documents', for: {}, minLevel: 4, evidence: ['operator'] },
      ])
      const residency: Residency = { allow: ['EU'], minLevel: 4 }
      await checkDocuments(context, provider.peerId)
      context.clock.now += MINUTE_MS
      const [one, two] = [deal({ residency }), deal({ residency })]
      expect(await sell(context, [one.submission(0, 5)])).toEqual(['booked'])
      const line = lineOf(two.submission(0, 5, { final: 'completed' }))
      expect(
        await ingestStatements(context, [makeStatement({ ...parties, residency }, [line])]),
      ).toMatchObject([{ status: 'booked', refused: [] }])
      expect((await store.providerBalance(provider.peerId)).payable).toBeGreaterThan(0n)

      await store.blockAttestations(provider.peerId, 'asked to leave', context.now())
      expect(await sell(context, [deal({ residency }).submission(0, 5)])).toEqual(['booked'])
      context.clock.now += 5 * MINUTE_MS
      expect(await sell(context, [deal({ residency }).submission(0, 5)])).toEqual([
        'HANSE_POLICY_RESIDENCY',
      ])
      // What was agreed on before is paid all the same, also when it is handed in only now.
      const late = deal({ residency, at: context.now() - 5 * MINUTE_MS })
      expect(await sell(context, [late.submission(0, 5)])).toEqual(['booked'])
      expect(await toldTo(store, organization)).toHaveLength(1)
    })

    test('an attestation that was taken back proves nothing in the hands of who kept a copy', async () => {
      const { context, store, provider, deal } = await setUp([])
      const residency: Residency = { allow: ['EU'], minLevel: 3 }
      const row = await store.provider(provider.peerId)
      if (row === undefined) throw new Error('no such provider')
      const attested = await attest(context, row)
      if (!('attestation' in attested)) throw new Error('nothing was attested')
      const free = { inputPrice: picoEuro(0n), outputPrice: picoEuro(0n) }
      const shown = (at: number) => ({
        ...deal({ residency, at, ...free }).submission(0, 5),
        attestation: attested.attestation,
      })
      // Stripe does not know the account any more: the attestation that rested on it is revoked.
      context.clock.now += MINUTE_MS
      await store.setProviderPayable(provider.peerId, false, context.now())
      expect(await sell(context, [shown(context.now())])).toEqual(['booked'])
      context.clock.now += 5 * MINUTE_MS
      expect(await sell(context, [shown(context.now())])).toEqual(['HANSE_POLICY_RESIDENCY'])
    })
  })
}
