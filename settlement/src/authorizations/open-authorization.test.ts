import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { budgetTermsSchema, picoEuro } from '@hanse/protocol'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { addKeyOf } from '../access/testing/people.ts'
import { createApp } from '../api/app.ts'
import { openStore, type SettlementStore } from '../db/store.ts'
import { statementsOf } from '../db/testing/count-statements.ts'
import { startPostgres, type TestPostgres } from '../db/testing/embedded-postgres.ts'
import { openIngest } from '../ingest/ingest-service.ts'
import { addProvider, addTenant, CENT, hold, testContext } from '../testing/market.ts'
import { authorize } from './authorize.ts'

let server: TestPostgres
let store: SettlementStore
let other: pg.Client
beforeAll(async () => {
  server = await startPostgres()
  const databaseUrl = await server.createDatabase()
  store = await openStore({ databaseUrl })
  other = await server.connect(new URL(databaseUrl).pathname.slice(1))
}, 120_000)
afterAll(async () => {
  await other?.end()
  await store?.close()
  await server?.[Symbol.asyncDispose]()
})
beforeEach(async () => void (await other.query('begin')))
afterEach(async () => void (await other.query('rollback')))

async function market() {
  const context = testContext(store)
  const tenant = await addTenant(context, 100n)
  return {
    context,
    tenant,
    organization: tenant.organization,
    provider: await addProvider(context),
  }
}

/** Until so many statements stand and wait for a lock. */
async function waiting(count: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    // Over another connection: a transaction sees what others do as it was at its first look.
    const { rows } = await store.executeSql(
      `select count(*)::int4 as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    )
    if ((rows[0] as { n: number }).n === count) return
    await setTimeout(50)
  }
  throw new Error(`there were never ${count} that waited`)
}

test('an authorization that comes while its organization is being disabled waits, and is refused', async () => {
  const { context, tenant, organization, provider } = await market()
  await other.query('update organization set disabled_at = now() where id = $1', [organization])
  const asked = hold(context, tenant, provider, CENT)
  await Promise.race([waiting(1), asked])
  await other.query('commit')
  await expect(asked).rejects.toMatchObject({ code: 'HANSE_ORGANIZATION_DISABLED' })
  expect((await store.balance(organization)).held).toBe(0n)
})

test('who disables an organization waits for the authorization that is being opened, and revokes it', async () => {
  const { context, tenant, organization, provider } = await market()
  await other.query('select from ledger_balance where account = $1 for update', [
    `available/${organization}`,
  ])
  const asked = hold(context, tenant, provider, CENT)
  await waiting(1)
  const disabled = store.disableOrganization(organization, context.now())
  await waiting(2)
  await other.query('commit')
  await Promise.all([asked, disabled])
  expect(await store.authorizations({ organization, limit: 2 })).toMatchObject([
    { revokedBy: 'operator' },
  ])
})

test('a key that is being revoked is waited for, and opens nothing', async () => {
  const { context, tenant, organization, provider } = await market()
  const { prefix } = await addKeyOf(context, organization)
  await other.query('update api_key set revoked_at = now() where prefix = $1', [prefix])
  const asked = authorize(context, {
    organization,
    consumer: tenant.consumer.peerId,
    provider: provider.peerId,
    limit: CENT,
    lifetimeMs: 60_000,
    idempotencyKey: null,
    by: { key: prefix, member: '' },
  })
  await Promise.race([waiting(1), asked])
  await other.query('commit')
  await expect(asked).rejects.toMatchObject({ code: 'HANSE_UNAUTHENTICATED' })
})

test('an authorization is five statements, six with any number of budgets, and three more over HTTP', async () => {
  const { context, tenant, organization, provider } = await market()
  const more = () => hold(context, tenant, provider, CENT)
  await more()
  const bare = await statementsOf(more)
  expect(bare).toHaveLength(5)
  for (const name of ['one', 'two', 'three'])
    await store.addBudget({
      id: `bud_${randomUUID()}`,
      organization,
      rule: budgetTermsSchema.parse({
        name,
        scope: {},
        amount: picoEuro(50n * CENT).toString(),
        window: { kind: 'day' },
        thresholds: [{ percent: 100, action: 'stop' }],
        carryOver: true,
      }),
      actor: 'test',
      at: context.now() - 3 * 86_400_000,
    })
  expect(await statementsOf(more)).toHaveLength(6)
  await using ingest = openIngest({ context, verifyThreads: 0 })
  const app = await createApp(context, { operatorToken: 'root', ingest })
  try {
    const { headers } = await addKeyOf(context, organization)
    const ask = async () => {
      const payload = {
        consumer: tenant.consumer.peerId,
        provider: provider.peerId,
        amount: '1000',
      }
      const keyed = { ...headers, 'idempotency-key': randomUUID() }
      const url = '/v1/authorizations'
      const answer = await app.inject({ method: 'POST', url, headers: keyed, payload })
      expect(answer.statusCode, answer.body).toBe(200)
    }
    await ask()
    const asked = await statementsOf(ask)
    // What fills the balance up looks after the answer, or a little before.
    const own = asked.filter((text) => !text.includes('automatic_top_up'))
    expect(own).toHaveLength(9)
  } finally {
    await app.close()
  }
})
