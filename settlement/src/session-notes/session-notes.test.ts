import {
  encodeSessionNotes,
  type PeerId,
  type SessionNote,
  type Signer,
  signRequest,
} from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp } from '../access/testing/access-app.ts'
import { addKeyOf } from '../access/testing/people.ts'
import { writeStatements } from '../receipts/statement-batch.ts'
import { measureAll } from '../service-levels/jobs.ts'
import { makeDeal, newSigner } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK } from '../testing/market.ts'
import { lineOf, makeStatement } from '../testing/statements.ts'
import { takeAllNotes } from './jobs.ts'
import { sessionNotesContract } from './session-notes-contract.ts'

const TOKENS = 100
const MS_PER_TOKEN = 50

let opened: AccessApp
beforeAll(async () => {
  opened = await openAccessApp()
})
afterAll(() => opened?.[Symbol.asyncDispose]())

sessionNotesContract('PGlite', async () => opened.context.store)

async function tell(node: Signer, body: Uint8Array, changes: { settlement?: PeerId } = {}) {
  const { app, context } = opened
  const url = '/v1/session-notes'
  const facts = { method: 'POST', url, body, network: NETWORK, at: context.now() }
  const headers = signRequest(node, {
    ...facts,
    settlement: changes.settlement ?? context.signer.peerId,
  })
  return app.inject({
    method: 'POST',
    url,
    headers: { ...headers, 'content-type': 'application/cbor' },
    payload: Buffer.from(body),
  })
}

const noteOf = (session: string, changes: Partial<SessionNote> = {}): SessionNote => ({
  session,
  tags: [],
  user: null,
  firstMs: null,
  totalMs: null,
  receipt: null,
  ...changes,
})

/** Sessions that came by a Statement, some seconds each, with the bytes of their last receipts. */
async function stated(count: number) {
  const { context } = opened
  const tenant = await addTenant(context, 100n)
  const provider = await addProvider(context)
  const authorization = await hold(context, tenant, provider, CENT)
  const { consumer } = tenant
  const at = context.now()
  const submissions = Array.from({ length: count }, () =>
    makeDeal({ network: NETWORK, consumer, provider, at, authorization }).submission(0, TOKENS, {
      final: 'completed',
      at: at + TOKENS * MS_PER_TOKEN,
    }),
  )
  const terms = { network: NETWORK, consumer, provider, authorization }
  const lines = submissions.map(lineOf)
  const { statement, lines: encoded } = makeStatement(terms, lines)
  const answer = await opened.app.inject({
    method: 'POST',
    url: '/v1/statements',
    headers: { 'content-type': 'application/cbor' },
    payload: Buffer.from(writeStatements([{ statement, lines: encoded }])),
  })
  expect(answer.json().results).toMatchObject([{ status: 'booked', refused: [] }])
  const sessions = lines.map((line, i) => ({
    session: line.order.toString(),
    receipt: submissions[i]?.receipt.bytes ?? new Uint8Array(),
  }))
  return { tenant, provider, sessions }
}

async function settleJobs(): Promise<void> {
  const { store } = opened.context
  while ((await store.rollUpUsage()).receipts > 0);
  await measureAll(opened.context)
  await takeAllNotes(opened.context)
}

test.each(['before', 'after'])(
  'a Statement’s sessions get their pace by receipts that are shown %s they are counted',
  async (when) => {
    const { tenant, provider, sessions } = await stated(3)
    if (when === 'after') await settleJobs()
    const [first, second, third] = sessions
    if (first === undefined || second === undefined || third === undefined) throw new Error('none')
    // The receipt of another session proves nothing of this one.
    const notes = [
      noteOf(first.session, { receipt: first.receipt, firstMs: 180, totalMs: 5_000 }),
      noteOf(second.session, { receipt: third.receipt }),
      noteOf(third.session, { tags: ['late'] }),
    ]
    const told = await tell(tenant.consumer, encodeSessionNotes(notes))
    expect(told.json().noted).toHaveLength(3)
    await settleJobs()
    await settleJobs()
    const { key } = { key: (await addKeyOf(opened.context, tenant.organization)).headers }
    const from = new Date(Math.floor(opened.context.now() / 3_600_000) * 3_600_000).toISOString()
    const to = new Date(Math.floor(opened.context.now() / 3_600_000) * 3_600_000 + 3_600_000)
    const { measurements } = (
      await opened.app.inject({
        method: 'GET',
        url: `/v1/service-levels/measurements?from=${from}&to=${to.toISOString()}`,
        headers: key,
      })
    ).json()
    expect(measurements).toEqual([
      {
        key: provider.peerId,
        good: '3',
        failed: '0',
        ended: '0',
        cut: '0',
        availabilityBps: 10_000,
        timed: '1',
        msPerTokenP50: 56,
        msPerTokenP95: 56,
        firstToken: { observed: '1', msP50: 200, msP95: 200 },
        answer: { observed: '1', msP50: 6_400, msP95: 6_400 },
      },
    ])
  },
)

test('telling the same again changes nothing, and only whoever signs for this service is heard', async () => {
  const { tenant, provider, sessions } = await stated(2)
  const ids = sessions.map(({ session }) => session)
  const body = encodeSessionNotes(ids.map((session) => noteOf(session, { tags: ['a'] })))
  expect((await tell(newSigner(), body)).json().unknown).toEqual(ids)
  expect((await tell(provider, body)).json().unknown).toEqual(ids)
  expect((await tell(tenant.consumer, body, { settlement: provider.peerId })).statusCode).toBe(401)
  expect((await tell(tenant.consumer, body)).json()).toEqual({ noted: ids, known: [], unknown: [] })
  expect((await tell(tenant.consumer, body)).json()).toEqual({ noted: [], known: ids, unknown: [] })
  const broken = encodeSessionNotes([noteOf('x', { receipt: Uint8Array.of(1) })])
  expect((await tell(tenant.consumer, broken)).statusCode).toBe(400)
  expect((await tell(tenant.consumer, Uint8Array.of(0))).statusCode).toBe(400)
})
