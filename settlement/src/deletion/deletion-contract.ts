import {
  type DeletionConfirmation,
  deletionConfirmation,
  deletionRequest,
  deletionRequestSigners,
  openSigned,
  type SignedRecord,
  type Signer,
  signRecord,
} from '@hanse/protocol'
import { describe, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { ask, eraseOnRequest } from '../rights/ask.ts'
import { replayErasures } from '../rights/replay-erasures.ts'
import {
  addProvider,
  addTenant,
  CENT,
  hold,
  NETWORK,
  type TestContext,
  type TestTenant,
  testContext,
} from '../testing/market.ts'
import { deletionsFor, finishErasures, takeConfirmation } from './ask-nodes.ts'
import { DELETION_DAYS } from './plan-deletions.ts'

const DAY_MS = 86_400_000
/** As ids of people begin. */
const PERSON = 'per_'

/** What every store keeps of what nodes are asked to erase. `open` gives the same database, perhaps on another connection. */
export function deletionContract(name: string, open: () => Promise<SettlementStore>): void {
  describe(`${name}: deletion at nodes`, () => {
    test('every node that was promised money, or promised it, is asked once, and the erasure waits for all', async () => {
      const { context, tenant, providers } = await market(await open())
      const other = await addTenant(context, 100n)
      await hold(context, other, nth(providers, 0), CENT)
      const { request } = await erase(context, tenant)
      expect(request).toMatchObject({ state: 'in-progress' })

      const asked = await Promise.all(providers.map((node) => requestsOf(context, node)))
      for (const [i, records] of asked.entries()) {
        const [record] = records
        expect(records).toHaveLength(1)
        expect(record?.value).toMatchObject({
          node: nth(providers, i).peerId,
          side: 'provider',
          consumers: [tenant.consumer.peerId],
          dueAt: (record?.value.at ?? 0) + DELETION_DAYS * DAY_MS,
        })
        expect(record?.value.authorizations).toHaveLength(2)
      }
      const [own] = await requestsOf(context, tenant.consumer)
      expect(own?.value).toMatchObject({ side: 'consumer', consumers: [] })
      expect(own?.value.authorizations).toHaveLength(4)
      // Whoever has nothing to do with it is asked nothing.
      expect(await requestsOf(context, other.consumer)).toEqual([])

      const nodes = [...providers, tenant.consumer]
      for (const [i, node] of nodes.entries()) {
        expect(await stateOf(context, request.id)).toBe('in-progress')
        expect((await answer(context, node, { kept: [] })).state).toBe('confirmed')
        expect(await requestsOf(context, node), `${i} is asked no more`).toEqual([])
      }
      const done = await context.store.rightsRequest(request.id)
      expect(done).toMatchObject({ state: 'done' })
      expect(done?.history.at(-1)).toMatchObject({
        step: 'done',
        note: '3 deletion requests to nodes were confirmed',
      })
    })

    test('what is said again changes nothing, and what is still kept is said to be', async () => {
      const store = await open()
      const { context, tenant, providers } = await market(store)
      const { request } = await erase(context, tenant)
      const node = nth(providers, 0)
      const [record] = await requestsOf(context, node)
      const waits = [{ class: 'sessions', reason: 'unsettled', count: 1n, until: null }] as const
      const partly = confirmationOf(context, node, record, { kept: [...waits] })
      expect((await takeConfirmation(context, partly)).state).toBe('partial')
      const again = await takeConfirmation({ ...context, store: await open() }, partly)
      expect(again).toMatchObject({ state: 'partial', confirmation: { sequence: 0 } })
      expect(again.confirmation?.kept).toEqual([{ ...waits[0], count: '1' }])
      // The request is still given to the node: a restored one would have forgotten.
      expect(await requestsOf(context, node)).toHaveLength(1)

      const whole = confirmationOf(context, node, record, { sequence: 1, kept: [] })
      expect((await takeConfirmation(context, whole)).state).toBe('confirmed')
      // A late copy of the first does not undo the second.
      expect((await takeConfirmation(context, partly)).state).toBe('confirmed')
      const { rows } = await store.executeSql(
        'select count(*)::int4 as n from deletion_confirmation c join deletion_request d on d.id = c.request where d.rights_request = $1',
        [request.id],
      )
      expect(rows).toEqual([{ n: 2 }])
    })

    test('a confirmation counts only from the node that was asked, for this settlement, on this network', async () => {
      const { context, tenant, providers } = await market(await open())
      await erase(context, tenant)
      const [node, other] = [nth(providers, 0), nth(providers, 1)]
      const [record] = await requestsOf(context, node)
      if (record === undefined) throw new Error('nothing was asked')
      const value = (changes: Partial<DeletionConfirmation> = {}) =>
        confirmationValue(context, node, record, { kept: [], ...changes })
      const take = (signed: SignedRecord) => takeConfirmation(context, signed)
      const signed = (given: DeletionConfirmation, signer: Signer, network = NETWORK) =>
        signRecord({ network }, deletionConfirmation, given, given.side, signer)
      const code = (text: string) => expect.objectContaining({ code: text })

      await expect(take(signed(value(), other))).rejects.toThrow(code('HANSE_SIGNATURE_MISSING'))
      await expect(take(signed(value({ node: other.peerId }), other))).rejects.toThrow(
        code('HANSE_DELETION_CONFIRMATION'),
      )
      await expect(take(signed(value({ side: 'consumer' }), node))).rejects.toThrow(
        code('HANSE_DELETION_CONFIRMATION'),
      )
      await expect(take(signed(value({ settlement: other.peerId }), node))).rejects.toThrow(
        code('HANSE_DELETION_CONFIRMATION'),
      )
      await expect(take(signed(value(), node, 'elsewhere'))).rejects.toThrow(
        code('HANSE_SIGNATURE_INVALID'),
      )
      const { cid } = signRecord(
        { network: NETWORK },
        deletionRequest,
        { ...record.value, part: 9 },
        'settlement',
        context.signer,
      )
      await expect(take(signed(value({ request: cid }), node))).rejects.toThrow(
        code('HANSE_NOT_FOUND'),
      )
      const [still] = await context.store.deletionRequests({ node: node.peerId, limit: 1 })
      expect(still).toMatchObject({ state: 'open', confirmation: null })
    })

    test('who does not answer in time is said not to have, and may still answer', async () => {
      const { context, tenant, providers } = await market(await open())
      const { request } = await erase(context, tenant)
      const { store, clock } = context
      await answer(context, nth(providers, 0), { kept: [] })
      const waits = [{ class: 'sessions', reason: 'unsettled', count: 1n, until: null }] as const
      await answer(context, nth(providers, 1), { kept: [...waits] })

      const of = { request: request.id, limit: 9 }
      const due = clock.now + DELETION_DAYS * DAY_MS
      expect(await store.expireDeletions(due - 1)).toBe(0)
      await store.remindOfDeletions(due, clock.now)
      const reminded = (await store.deletionRequests(of)).filter((one) => one.remindedAt !== null)
      expect(reminded.map(({ state }) => state).toSorted()).toEqual(['open', 'partial'])
      clock.now = due
      await store.expireDeletions(due)
      await finishErasures(context)
      const done = await store.rightsRequest(request.id)
      expect(done).toMatchObject({ state: 'done' })
      expect(done?.history.at(-1)?.note).toBe(
        '1 deletion requests to nodes were confirmed; 1 were not answered in time; ' +
          '1 were answered by nodes that still keep what is not settled',
      )
      expect((await answer(context, tenant.consumer, { kept: [] })).state).toBe('confirmed')
      const states = (await store.deletionRequests(of)).map(({ state }) => state)
      expect(states.toSorted()).toEqual(['confirmed', 'confirmed', 'expired'])
    })

    test('a person’s erasure names what was promised at their request, and no node as theirs', async () => {
      const store = await open()
      const { context, tenant, providers } = await market(store)
      const person = `${PERSON}${tenant.organization.slice(4)}`
      await store.executeSql(
        `with spender as (
          insert into usage_spender (organization, digest, key, member, tags, created_at)
          values ($1, $2, '', $2, '{}', now()) returning id)
        update spend_authorization a set spender = s.id from spender s
          where a.organization = $1 and a.provider = $3`,
        [tenant.organization, person, nth(providers, 0).peerId],
      )
      await store.executeSql(
        `insert into person (id, email, name, created_at) values ($1, $1 || '@example.org', 'P', now())`,
        [person],
      )
      const subject = { kind: 'person', id: person } as const
      const { request } = await eraseOnRequest(context, { subject, by: 'x', givesUpBalance: false })
      expect(request).toMatchObject({ state: 'in-progress' })
      const [named] = await requestsOf(context, nth(providers, 0))
      expect(named?.value.consumers).toEqual([])
      expect(named?.value.authorizations).toHaveLength(2)
      expect(await requestsOf(context, nth(providers, 1))).toEqual([])
    })

    test('after a restore the same records are asked for again', async () => {
      const store = await open()
      const { context, tenant, providers } = await market(store)
      const { report } = await erase(context, tenant)
      const before = await requestsOf(context, nth(providers, 0))
      const mine = (await store.tombstones()).filter((one) => one.tombstone === report.tombstone)
      await store.executeSql(`delete from deletion_request where tombstone = decode($1, 'hex')`, [
        report.tombstone,
      ])
      await store.executeSql(`delete from erasure where tombstone = decode($1, 'hex')`, [
        report.tombstone,
      ])
      expect(await replayErasures(store, mine, true)).toBe(1)
      const after = await requestsOf(context, nth(providers, 0))
      expect(after.map(({ cid }) => cid.toString())).toEqual(
        before.map(({ cid }) => cid.toString()),
      )
    })
  })
}

/** An organization with two providers, two authorizations for each, and nothing that still runs. */
async function market(store: SettlementStore) {
  const context = testContext(store)
  const tenant = await addTenant(context, 100n)
  const providers = [await addProvider(context), await addProvider(context)]
  for (const provider of [...providers, ...providers]) await hold(context, tenant, provider, CENT)
  await store.executeSql(
    'update spend_authorization set closed_at = now() where organization = $1',
    [tenant.organization],
  )
  return { context, tenant, providers }
}

async function erase(context: TestContext, { organization }: TestTenant) {
  const subject = { kind: 'organization', id: organization } as const
  const opened = await ask(context, {
    kind: 'erasure',
    subject,
    by: 'anna',
    note: null,
    isIdentified: true,
  })
  const erased = await eraseOnRequest(context, {
    subject,
    by: 'anna',
    givesUpBalance: true,
    request: opened,
  })
  if (erased.request === null) throw new Error('it was erased before')
  return { ...erased, request: erased.request }
}

/** As the node reads them. */
async function requestsOf(context: TestContext, { peerId }: Signer) {
  const { requests, next } = await deletionsFor(context, peerId, 0n)
  expect(next).toBeNull()
  return requests.map((signed) =>
    openSigned({ network: NETWORK }, deletionRequest, signed, deletionRequestSigners),
  )
}

type Asked = Awaited<ReturnType<typeof requestsOf>>[number]

async function answer(
  context: TestContext,
  node: Signer,
  changes: Pick<DeletionConfirmation, 'kept'>,
) {
  const [record] = await requestsOf(context, node)
  return await takeConfirmation(context, confirmationOf(context, node, record, changes))
}

const confirmationOf = (
  context: TestContext,
  node: Signer,
  record: Asked | undefined,
  changes: Partial<DeletionConfirmation>,
): SignedRecord => {
  const value = confirmationValue(context, node, record, changes)
  return signRecord({ network: NETWORK }, deletionConfirmation, value, value.side, node)
}

function confirmationValue(
  context: TestContext,
  node: Signer,
  record: Asked | undefined,
  changes: Partial<DeletionConfirmation>,
): DeletionConfirmation {
  if (record === undefined) throw new Error('nothing was asked')
  return {
    settlement: context.signer.peerId,
    node: node.peerId,
    side: record.value.side,
    request: record.cid,
    sequence: 0,
    erased: [{ class: 'sessions', count: 3n }],
    kept: [],
    at: context.now(),
    ...changes,
  }
}

function nth<Item>(items: readonly Item[], i: number): Item {
  const item = items[i]
  if (item === undefined) throw new Error(`there is no ${i}`)
  return item
}

const stateOf = async ({ store }: TestContext, request: string) =>
  (await store.rightsRequest(request))?.state
