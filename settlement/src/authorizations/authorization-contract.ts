import { randomUUID } from 'node:crypto'
import {
  authorizationRelease,
  cidOf,
  openSigned,
  picoEuro,
  revocationList,
  revocationSigners,
  type SignedRecord,
  type Signer,
  signRecord,
} from '@hanse/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { ingest } from '../receipts/ingest.ts'
import { createApiKey } from '../tenants/api-key.ts'
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
import { authorize, authorizeMore } from './authorize.ts'
import { releaseEarly, revoke, revokedSince } from './end-early.ts'
import { releaseExpired } from './release-expired.ts'

interface Ending {
  /** By which what comes later is refused. */
  readonly code: string
  readonly run: (context: TestContext, organization: string, provider: Signer) => Promise<unknown>
}

/** What ends that anything is promised for an organization, or to a provider. */
const ENDS: Readonly<Record<string, Ending>> = {
  'an operator disables the organization': {
    code: 'HANSE_ORGANIZATION_DISABLED',
    run: ({ store, now }, organization) => store.disableOrganization(organization, now()),
  },
  'the lawful basis is withdrawn': {
    code: 'HANSE_LAWFUL_BASIS_REQUIRED',
    run: ({ store, now }, organization) =>
      store.withdrawBasis({ organization, purpose: 'inference', by: 'person:x', at: now() }),
  },
  'the organization has its processing restricted': {
    code: 'HANSE_PROCESSING_RESTRICTED',
    run: (context, id) => restrict(context, { kind: 'organization', id }),
  },
  'the provider has its processing restricted': {
    code: 'HANSE_PROCESSING_RESTRICTED',
    run: (context, _, { peerId }) => restrict(context, { kind: 'provider', id: peerId }),
  },
}

const restrict = (
  { store, now }: TestContext,
  subject: { readonly kind: 'organization' | 'provider'; readonly id: string },
) =>
  store.openRightsRequest({
    id: `rr_${randomUUID()}`,
    kind: 'restriction',
    subject,
    by: 'test',
    note: null,
    at: now(),
    steps: [{ step: 'identified' }, { step: 'begun' }, { step: 'done' }],
  })

/** What every store keeps of authorizations. `open` gives the same database, perhaps on another connection. */
export function authorizationContract(name: string, open: () => Promise<SettlementStore>): void {
  const setUp = async (cents = 100n) => {
    const context = testContext(await open())
    const tenant = await addTenant(context, cents)
    const provider = await addProvider(context)
    const authorization = await hold(context, tenant, provider, 10n * CENT)
    const cid = cidOf(authorization.bytes).toString()
    return { context, ...tenant, tenant, provider, authorization, cid }
  }
  const consent = (
    { signer, now }: TestContext,
    provider: Signer,
    authorization: SignedRecord,
    claims: bigint,
  ) =>
    signRecord(
      { network: NETWORK },
      authorizationRelease,
      {
        settlement: signer.peerId,
        provider: provider.peerId,
        authorization: cidOf(authorization.bytes),
        claims: picoEuro(claims),
        at: now(),
      },
      'provider',
      provider,
    )

  describe(`${name}: authorizations`, () => {
    test('more money is a second promise beside the first, once for its key', async () => {
      const { context, organization, authorization, cid } = await setUp()
      const more = (amount: bigint, idempotencyKey: string) =>
        authorizeMore(context, {
          organization,
          cid,
          amount: picoEuro(amount),
          lifetimeMs: 60_000,
          idempotencyKey,
        })
      const [first, again] = await Promise.all([more(5n * CENT, 'k'), more(5n * CENT, 'k')])
      expect(again.bytes).toEqual(first.bytes)
      expect(first.bytes).not.toEqual(authorization.bytes)
      await expect(more(6n * CENT, 'k')).rejects.toMatchObject({ code: 'HANSE_IDEMPOTENCY_KEY' })
      await expect(more(100n * CENT, 'l')).rejects.toMatchObject({
        code: 'HANSE_BALANCE_INSUFFICIENT',
      })
      expect((await context.store.balance(organization)).held).toBe(15n * CENT)
      const listed = await context.store.authorizations({ organization, open: true, limit: 10 })
      expect(listed.map((row) => row.extends)).toEqual([cid, null])
    })

    test('the rest of a hold comes free early by the provider’s word only', async () => {
      const { context, organization, provider, authorization, cid, consumer } = await setUp()
      const { store } = context
      const free = (word: SignedRecord | null) => releaseEarly(context, organization, cid, word)
      await expect(free(null)).rejects.toMatchObject({ code: 'HANSE_RELEASE_CONSENT' })
      const stranger = await addProvider(context)
      await expect(free(consent(context, stranger, authorization, 0n))).rejects.toMatchObject({
        code: 'HANSE_RELEASE_CONSENT',
      })
      const other = await addTenant(context, 0n)
      await expect(
        releaseEarly(
          context,
          other.organization,
          cid,
          consent(context, provider, authorization, 0n),
        ),
      ).rejects.toMatchObject({ code: 'HANSE_NOT_FOUND' })
      // It has earned three cents that nobody has told settlement of yet.
      const word = consent(context, provider, authorization, 3n * CENT)
      await Promise.all([free(word), free(word)])
      expect(await store.balance(organization)).toEqual({ available: 97n * CENT, held: 3n * CENT })
      const deal = makeDeal({
        network: NETWORK,
        consumer,
        provider,
        at: context.now(),
        authorization,
        outputPrice: CENT,
        inputPrice: picoEuro(0n),
      })
      expect(await ingest(context, [deal.submission(0, 3), deal.submission(1, 4)])).toMatchObject([
        { status: 'booked', increase: 3n * CENT },
        { status: 'rejected', code: 'HANSE_RECEIPT_LIMIT' },
      ])
      // Whoever gives a later word with less gets no more back than is there, and then it is closed.
      expect(await free(consent(context, provider, authorization, 0n))).toMatchObject({
        spent: 3n * CENT,
        released: 7n * CENT,
        closedAt: context.now(),
      })
      context.clock.now += 10 * 86_400_000
      await releaseExpired(context)
      expect(await store.balance(organization)).toEqual({ available: 97n * CENT, held: 0n })
      expect((await store.ledgerCheck()).differences).toEqual([])
    })

    test('revocations are listed in their order, signed, until the authorization expires', async () => {
      const { context, tenant, provider, organization, cid } = await setUp()
      const before = (await revokedSince(context, 0n)).until
      const later = cidOf((await hold(context, tenant, provider, CENT, 120_000)).bytes).toString()
      const [first] = await Promise.all([
        revoke(context, organization, cid),
        revoke(context, null, later),
        revoke(context, organization, cid),
      ])
      expect(first).toMatchObject({ revokedBy: 'organization', closedAt: null })
      const other = await addTenant(context, 0n)
      await expect(revoke(context, other.organization, cid)).rejects.toMatchObject({
        code: 'HANSE_NOT_FOUND',
      })
      const { list, until, more } = await revokedSince(context, before)
      const { value } = openSigned({ network: NETWORK }, revocationList, list, revocationSigners)
      expect(value).toMatchObject({ issuer: context.signer.peerId, since: before, until })
      expect(value.serials).toHaveLength(2)
      expect([more, until - before]).toEqual([false, 2n])
      expect((await revokedSince(context, until)).list.bytes).not.toEqual(list.bytes)
      expect((await revokedSince(context, before)).list.bytes).toEqual(list.bytes)
      context.clock.now += 120_000
      const rest = await context.store.revocationsSince(before, context.now(), 10)
      expect(rest.serials).toEqual([first.serial])
      await expect(
        authorizeMore(context, {
          organization,
          cid,
          amount: CENT,
          lifetimeMs: 60_000,
          idempotencyKey: 'more',
        }),
      ).rejects.toMatchObject({ code: 'HANSE_AUTHORIZATION_CLOSED' })
    })

    test('what was accepted under a revoked authorization is paid all the same', async () => {
      const { context, organization, provider, consumer, authorization, cid } = await setUp()
      await revoke(context, organization, cid)
      const at = context.now()
      const deal = makeDeal({ network: NETWORK, consumer, provider, at, authorization })
      expect(await ingest(context, [deal.submission(0, 5)])).toMatchObject([{ status: 'booked' }])
    })

    test.each(Object.keys(ENDS))('no promise that is made while %s stays open', async (ending) => {
      const end = ENDS[ending]
      if (end === undefined) throw new Error(ending)
      for (let round = 0; round < 6; round++) {
        const { context, tenant, provider, organization } = await setUp()
        const stores = [context.store, await open()]
        const asked = (i: number) =>
          hold({ ...context, store: stores[i % 2] ?? context.store }, tenant, provider, CENT)
        const before = Array.from({ length: 3 }, (_, i) => asked(i))
        const ended = end.run(
          { ...context, store: stores[round % 2] ?? context.store },
          organization,
          provider,
        )
        const outcomes = await Promise.allSettled([...before, ...[3, 4, 5].map(asked), ended])
        for (const outcome of outcomes)
          if (outcome.status === 'rejected')
            expect(outcome.reason).toMatchObject({ code: end.code })
        await ended
        await expect(asked(0)).rejects.toMatchObject({ code: end.code })
        const promised = await context.store.authorizations({ organization, open: true, limit: 99 })
        // One from before, and of the outcomes one is that of the end itself.
        expect(promised).toHaveLength(
          outcomes.filter(({ status }) => status === 'fulfilled').length,
        )
        expect(promised.filter(({ revokedAt }) => revokedAt === null)).toEqual([])
        expect((await context.store.ledgerCheck()).differences).toEqual([])
      }
    })

    test('a key that was revoked, or has run out, gets nothing that it asked for before', async () => {
      const { context, organization, consumer, provider } = await setUp()
      const { store } = context
      const expiresAt = context.now() + 1_000
      const [revoked, running] = [createApiKey(), createApiKey()]
      for (const { prefix, hash } of [revoked, running])
        await store.addKey({
          organization,
          prefix,
          hash,
          name: 'k',
          scopes: ['spend'],
          expiresAt,
          at: context.now(),
        })
      const ask = ({ prefix }: { prefix: string }) =>
        authorize(context, {
          organization,
          consumer: consumer.peerId,
          provider: provider.peerId,
          limit: CENT,
          lifetimeMs: 60_000,
          idempotencyKey: null,
          by: { key: prefix, member: '' },
        })
      await Promise.all([ask(revoked), ask(running)])
      await store.revokeKey(organization, revoked.prefix, context.now())
      await expect(ask(revoked)).rejects.toMatchObject({ code: 'HANSE_UNAUTHENTICATED' })
      await ask(running)
      context.clock.now = expiresAt
      await expect(ask(running)).rejects.toMatchObject({ code: 'HANSE_UNAUTHENTICATED' })
      expect((await store.balance(organization)).held).toBe(13n * CENT)
    })

    test('any mix of promises, additions, words and receipts at once spends no more than there is', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.bigInt(1n, 8n)), {
            minLength: 8,
            maxLength: 24,
          }),
          async (acts) => {
            const { context, tenant, provider, organization, consumer, authorization, cid } =
              await setUp(20n)
            const stores = [context.store, await open()]
            const deals = [0, 1, 2, 3].map(() =>
              makeDeal({
                network: NETWORK,
                consumer,
                provider,
                at: context.now(),
                authorization,
                outputPrice: CENT,
                inputPrice: picoEuro(0n),
              }),
            )
            await Promise.allSettled(
              acts.map(([act, which, cents], i) => {
                const here = { ...context, store: stores[i % 2] ?? context.store }
                if (act === 0) return hold(here, tenant, provider, cents * CENT)
                if (act === 1) {
                  const idempotencyKey = `${which}/${cents}`
                  const amount = picoEuro(cents * CENT)
                  const more = { organization, cid, amount, lifetimeMs: 60_000, idempotencyKey }
                  return authorizeMore(here, more)
                }
                if (act === 2) {
                  const word = consent(here, provider, authorization, cents * CENT)
                  return releaseEarly(here, organization, cid, word)
                }
                const submission = deals[which]?.submission(i, Number(cents) * (which + 1))
                return ingest(here, submission === undefined ? [] : [submission])
              }),
            )
            const { available, held } = await context.store.balance(organization)
            const { payable } = await context.store.providerBalance(provider.peerId)
            expect(available >= 0n && held >= 0n).toBe(true)
            const [first] = (
              await context.store.authorizations({ organization, limit: 100 })
            ).filter((row) => row.cid === cid)
            expect(first !== undefined && first.spent + first.released <= first.limit).toBe(true)
            expect(available + held + (first?.spent ?? 0n)).toBe(20n * CENT)
            expect(payable <= (first?.spent ?? 0n)).toBe(true)
            expect((await context.store.ledgerCheck()).differences).toEqual([])
          },
        ),
        { numRuns: 6 },
      )
    })
  })
}
