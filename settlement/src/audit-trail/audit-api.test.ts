import { entryOfEvent, verifyProof } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ROOT } from '../access/testing/access-app.ts'
import { addKeyOf, addMemberOf, addOrganization } from '../access/testing/people.ts'
import { authorize } from '../authorizations/authorize.ts'
import { ownerOf } from '../log/log-fact.ts'
import { ingest } from '../receipts/ingest.ts'
import { ingestStatements } from '../receipts/ingest-statements.ts'
import { newSigner } from '../testing/deals.ts'
import { CENT } from '../testing/market.ts'
import { lineOf, makeStatement } from '../testing/statements.ts'
import { type AuditApp, openAuditApp } from './testing/audit-app.ts'

/** Opening a database takes seconds, on a machine that does other things as well. */
const STORES_MS = 180_000
vi.setConfig({ testTimeout: STORES_MS })

const POLICY = { format: 'json', source: '{"version":1,"rules":[]}' }
const MODEL = 'hanse/test-model:q4'

let opened: AuditApp
beforeAll(async () => {
  opened = await openAuditApp()
}, 120_000)
afterAll(() => opened[Symbol.asyncDispose]())

const events = async (query = '', app = opened) => {
  const { status, body } = await app.call('GET', `/v1/audit/events?limit=100${query}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.events as Record<string, never>[]
}
const kinds = async (query = '') => (await events(query)).map(({ kind }) => kind)

test('a trail tells who asked which model, where it was answered, by whose receipt and for how much', async () => {
  const { context, deal, parties } = opened
  const one = deal()
  const last = one.submission(0, 7, { final: 'completed' })
  await ingest(context, [last])
  const lines = [deal(), deal()].map((of) => of.submission(0, 3, { final: 'completed' }))
  await ingestStatements(context, [makeStatement(parties, lines.map(lineOf))])
  await context.log.tick()

  const [settled] = await events('&kind=receipt-settled')
  expect(settled).toMatchObject({
    session: one.session,
    models: [MODEL],
    provider: parties.provider.peerId,
    consumer: parties.consumer.peerId,
    country: 'DE',
    seal: 'open',
    details: { organization: opened.organization, allow: expect.any(Array) },
  })
  expect(BigInt(settled?.amount ?? '0')).toBeGreaterThan(0n)
  const [statement] = await events('&kind=statement-settled')
  expect(statement).toMatchObject({
    models: [MODEL],
    provider: parties.provider.peerId,
    details: { sessions: 2 },
  })
  const whole = (await opened.call('GET', `/v1/audit/events/${statement?.id}`)).body
  expect(whole.sessions.map(({ session }: { session: string }) => session).sort()).toEqual(
    lines.map((line) => lineOf(line).order.toString()).sort(),
  )
})

test('every event is proved by what comes with it', async () => {
  const { log } = opened.context
  await log.tick()
  for (const { id, leaf } of await events('&kind=receipt-settled&kind=authorization-issued')) {
    const { body, salt, proof } = (await opened.call('GET', `/v1/audit/events/${id}`)).body
    const entry = entryOfEvent(bytes(salt), bytes(body))
    expect(verifyProof(proof, entry, { logKey: log.vkey }).index).toBe(BigInt(leaf ?? -1))
    const other = entryOfEvent(bytes(salt), bytes(body).fill(0, 0, 1))
    expect(() => verifyProof(proof, other, { logKey: log.vkey })).toThrow()
  }
})
const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'))

test('what is asked for and not given, and changes of policy, are in the trail with who it was', async () => {
  const { context, organization, parties } = opened
  const { prefix, headers } = await addKeyOf(context, organization)
  const added = await opened.call('POST', '/v1/policies', headers, { ...POLICY, activate: true })
  expect(added.status, JSON.stringify(added.body)).toBe(200)
  const asking = {
    organization,
    consumer: parties.consumer.peerId,
    provider: parties.provider.peerId,
    limit: 10n ** 7n * CENT,
    lifetimeMs: 1000,
    idempotencyKey: null,
    by: { key: prefix, member: '' },
  } as Parameters<typeof authorize>[1]
  for (const _ of [1, 2]) {
    await expect(authorize(context, asking)).rejects.toMatchObject({
      code: 'HANSE_BALANCE_INSUFFICIENT',
    })
  }
  expect(await events(`&key=${prefix}`)).toMatchObject([
    { kind: 'authorization-refused', reason: 'HANSE_BALANCE_INSUFFICIENT', key: prefix },
    { kind: 'policy-changed', details: { version: added.body.version, by: `key:${prefix}` } },
  ])
  context.clock.now += 60_000
  await expect(authorize(context, asking)).rejects.toThrow()
  expect(await kinds(`&key=${prefix}&reason=HANSE_BALANCE_INSUFFICIENT`)).toHaveLength(2)
})

test('filters narrow it to what they say', async () => {
  const { context, parties, deal } = opened
  const one = deal()
  await ingest(context, [one.submission(0, 1)])
  expect(await kinds(`&record=${one.session}`)).toEqual(['receipt-settled'])
  expect(await kinds('&model=hanse/other')).toEqual([])
  expect(new Set(await kinds(`&model=${MODEL}`))).toEqual(
    new Set(['receipt-settled', 'statement-settled']),
  )
  expect(await kinds('&country=FR')).toEqual([])
  expect(await kinds('&country=DE&kind=receipt-settled')).not.toEqual([])
  expect(await kinds(`&provider=${newSigner().peerId}`)).toEqual([])
  expect(await kinds(`&provider=${parties.provider.peerId}&kind=log-read`)).toEqual([])
  expect(await kinds('&text=TEST-MODEL')).toContain('receipt-settled')
  expect(await kinds('&text=nothing-of-the-kind')).toEqual([])
  const at = new Date(context.now()).toISOString()
  expect(await kinds(`&to=${encodeURIComponent(new Date(0).toISOString())}`)).toEqual([])
  expect(await kinds(`&from=${encodeURIComponent(at)}&kind=receipt-settled`)).toHaveLength(1)
  const wrong = await opened.call('GET', '/v1/audit/events?kind=gossip')
  expect(wrong).toMatchObject({ status: 400, body: { code: 'HANSE_REQUEST_INVALID' } })
})

test('pages follow one another and lose nothing', async () => {
  const query = '/v1/audit/events?kind=receipt-settled&kind=statement-settled&kind=policy-changed'
  const { body: all } = await opened.call('GET', query)
  const ids: string[] = []
  let before = ''
  for (let i = 0; i <= all.events.length; i++) {
    const { body } = await opened.call('GET', `${query}&limit=1${before}`)
    ids.push(...body.events.map(({ id }: { id: string }) => id))
    if (body.next === null) break
    before = `&before=${body.next}`
  }
  expect(ids).toEqual(all.events.map(({ id }: { id: string }) => id))
  expect(ids.length).toBeGreaterThan(2)
})

test('each look is in the log of access and in the trail, without what was looked for', async () => {
  const { context, organization } = opened
  const auditor = await addMemberOf(context, organization, 'auditor')
  const { status } = await opened.call(
    'GET',
    '/v1/audit/events?text=geheim&country=DE',
    auditor.headers,
  )
  expect(status).toBe(200)
  const [look] = await events(`&kind=log-read&member=${auditor.id}`)
  expect(look).toMatchObject({
    details: {
      by: `person:${auditor.id}`,
      filters: 'country text',
      action: 'GET /v1/audit/events',
    },
  })
  const { body } = await opened.call('GET', `/v1/access-log?actor=person:${auditor.id}`)
  expect(body.entries).toMatchObject([
    { action: 'GET /v1/audit/events', targets: { filters: 'country text' }, outcome: 'ok' },
  ])
  expect(JSON.stringify([look, body])).not.toContain('geheim')
  const developer = await addMemberOf(context, organization, 'developer')
  expect((await opened.call('GET', '/v1/audit/events', developer.headers)).status).toBe(403)
})

test('what cannot be written down is not shown', async () => {
  const { store } = opened.context
  await store.executeSql(
    "alter table log_event add constraint broken check (kind <> 'log-read') not valid",
  )
  try {
    expect((await opened.call('GET', '/v1/audit/events')).status).toBe(500)
  } finally {
    await store.executeSql('alter table log_event drop constraint broken')
  }
})

test('nobody sees another’s, and operators see what is sealed as that', async () => {
  const { context } = opened
  const other = await addOrganization(context, 'Another')
  const [mine] = await events('&kind=receipt-settled')
  const theirs = (await opened.call('GET', '/v1/audit/events', other.key)).body.events
  // Nothing but this look itself, which is theirs.
  expect(theirs.map(({ kind }: { kind: string }) => kind)).toEqual(['log-read'])
  const url = `/v1/audit/events/${mine?.id}`
  expect((await opened.call('GET', url, other.key)).status).toBe(404)

  const { body } = await opened.call('GET', '/v1/admin/audit/events?limit=200', ROOT)
  const seen = body.events.find(({ id }: { id: string }) => id === mine?.id)
  expect(seen).toMatchObject({
    kind: 'receipt-settled',
    seal: 'sealed',
    details: null,
    session: null,
  })
  expect(JSON.stringify(body)).not.toContain(opened.organization)
  const found = await opened.call('GET', `/v1/admin/audit/events?model=${MODEL}`, ROOT)
  expect(found.body.events).toEqual([])
  const whole = (await opened.call('GET', `/v1/admin${url.slice(3)}`, ROOT)).body
  expect(whole).toMatchObject({ sessions: [], event: { details: null } })
})

test('the overview counts by kind and day, and says how the log stands', async () => {
  await opened.context.log.tick()
  const { body } = await opened.call('GET', '/v1/audit/overview')
  const settled = await kinds('&kind=receipt-settled')
  const counted = body.counts.filter(({ kind }: { kind: string }) => kind === 'receipt-settled')
  expect(counted).toEqual([{ kind: 'receipt-settled', day: '2026-11-02', events: settled.length }])
  const { log } = body
  expect(log).toMatchObject({ origin: 'log.test', vkey: opened.context.log.vkey, witnesses: [] })
  expect(log.checkpoint.split('\n').slice(1, 3)).toEqual([log.size, log.root])
})

test('once its key is destroyed, nothing of an organization is found any more', async () => {
  await using app = await openAuditApp()
  const { context, organization, deal } = app
  const { store } = context
  await ingest(context, [deal().submission(0, 1)])
  expect(await events('&kind=receipt-settled', app)).toHaveLength(1)
  expect(await store.eraseSubject(ownerOf('organization', organization), context.now())).toBe(true)
  expect(await events('&kind=receipt-settled', app)).toEqual([])
  expect(await events(`&text=${MODEL}`, app)).toEqual([])
  const { body } = await app.call('GET', '/v1/admin/audit/events?kind=receipt-settled', ROOT)
  expect(body.events).toMatchObject([{ seal: 'sealed', details: null }])
})
