import type { SignedRecord } from '@hanse/protocol'
import { type Settlement, type StripeDouble, writeSubmissions } from '@hanse/settlement'
import {
  addProvider,
  makeDeal,
  newSigner,
  type SeededTenant,
  seedTenant,
} from '@hanse/settlement/testing'

/** What `seedTenant` writes into every field that takes words; here it is in those, too, that only a service that runs has. */
export const MARK = 'geheim'
const SESSIONS = 3

export interface MarkedTenant extends SeededTenant {
  readonly people: readonly string[]
}

/**
 * An organization and people that have used the service for real: everything that they could type has the mark in it, and
 * what they did was promised, used, booked, added up and logged.
 */
export async function markedTenant(
  { app, context, store }: Settlement,
  double: StripeDouble,
): Promise<MarkedTenant> {
  // What is mailed is gone: nothing of it stays here.
  Object.assign(context, { mailer: { send: async () => undefined } })
  const tenant = await seedTenant({ app, context }, double)
  const { organization, owner } = tenant
  const ask = async <Answer>(method: 'POST' | 'PATCH' | 'GET', url: string, payload: object) => {
    const headers = { ...owner.headers, 'idempotency-key': `${method} ${url}`, 'user-agent': MARK }
    const answer = await app.inject({ method, url, headers, payload })
    if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.body}`)
    return answer.json() as Answer
  }
  await ask('PATCH', '/v1/account', { name: `${MARK} Person` })
  await store.executeSql('update person_session set user_agent = $1', [`${MARK} browser`])
  await ask('POST', '/v1/keys', { name: `${MARK} key`, scopes: ['read'], tags: [`${MARK}:tag`] })
  await ask('POST', '/v1/gdpr/requests', { kind: 'objection', note: `${MARK} wants no reports` })
  await ask('POST', '/v1/gdpr/me/requests', { kind: 'rectification', note: `${MARK} is my name` })

  const consumer = newSigner()
  await store.bindConsumers(organization, [consumer.peerId], context.now())
  const provider = await addProvider(context)
  const { authorization } = await ask<{ authorization: SignedJson }>('POST', '/v1/authorizations', {
    consumer: consumer.peerId,
    provider: provider.peerId,
    amount: '500000000000',
    attribution: { key: `${MARK}-key`, tags: [`${MARK}-tag`] },
  })
  const deals = Array.from({ length: SESSIONS }, () =>
    makeDeal({
      network: context.network,
      consumer,
      provider,
      at: context.now(),
      authorization: signedOf(authorization),
    }),
  )
  const booked = await app.inject({
    method: 'POST',
    url: '/v1/receipts',
    headers: { 'content-type': 'application/cbor' },
    payload: Buffer.from(writeSubmissions(deals.map((deal) => deal.submission(0, 7)))),
  })
  const { results } = booked.json<{ results: { status: string }[] }>()
  if (results.some(({ status }) => status !== 'booked')) throw new Error(booked.body)
  while ((await store.rollUpUsage()).receipts > 0);
  const { rows } = await store.executeSql('select id from person')
  return { ...tenant, people: (rows as { id: string }[]).map(({ id }) => id) }
}

interface SignedJson {
  readonly bytes: string
  readonly signatures: readonly { readonly signature: string }[]
}

const signedOf = ({ bytes, signatures }: SignedJson): SignedRecord =>
  ({
    bytes: Uint8Array.from(Buffer.from(bytes, 'base64')),
    signatures: signatures.map((one) => ({
      ...one,
      signature: Uint8Array.from(Buffer.from(one.signature, 'base64')),
    })),
  }) as unknown as SignedRecord
