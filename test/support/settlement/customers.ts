import {
  encodeCanonical,
  type PeerId,
  providerBinding,
  type SignedRecord,
  type Signer,
  signRecord,
} from '@hanse/protocol'
import { newSigner } from '@hanse/settlement/testing'
import { NETWORK, OPERATOR } from './cluster.ts'

/** A test card whose money is available at once. */
const CARD = 'pm_card_bypassPending'

export class HttpFailure extends Error {
  readonly status: number
  readonly body: string

  constructor(what: string, status: number, body: string) {
    super(`${what}: ${status} ${body.slice(0, 300)}`)
    this.status = status
    this.body = body
  }
}

export interface Asked {
  readonly key?: string
  readonly json?: unknown
  readonly cbor?: Uint8Array
  readonly idempotencyKey?: string
}

/** One request; an answer that is no success is thrown. */
export async function ask<Answer>(
  url: string,
  method: 'GET' | 'POST',
  path: string,
  { key, json, cbor, idempotencyKey }: Asked = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(cbor !== undefined && { 'content-type': 'application/cbor' }),
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
    ...(cbor !== undefined && { body: Buffer.from(cbor) }),
  })
  const text = await response.text()
  if (!response.ok) throw new HttpFailure(`${method} ${path}`, response.status, text)
  return JSON.parse(text) as Answer
}

export interface Tenant {
  readonly organization: string
  readonly apiKey: string
  readonly consumer: Signer
}

export async function newTenant(url: string): Promise<Tenant> {
  const consumer = newSigner()
  const json = { name: 'Test GmbH', consumers: [consumer.peerId], lawfulBasis: 'contract' }
  const made = await ask<Omit<Tenant, 'consumer'>>(url, 'POST', '/v1/admin/organizations', {
    key: OPERATOR,
    json,
  })
  return { ...made, consumer }
}

/** A provider that has visited Stripe's page, as its owner would. */
export async function newProvider(url: string): Promise<Signer> {
  const provider = newSigner()
  const { peerId } = await ask<{ peerId: string }>(url, 'GET', '/v1/identity')
  const now = Date.now()
  const value = {
    provider: provider.peerId,
    settlement: peerId as PeerId,
    country: 'DE',
    issuedAt: now,
    notAfter: now + 60_000,
  }
  const { bytes, signatures } = signRecord(
    { network: NETWORK },
    providerBinding,
    value,
    'provider',
    provider,
  )
  const cbor = encodeCanonical({ bytes, signatures: signatures.map((one) => ({ ...one })) })
  const bound = await ask<{ onboardingUrl: string }>(url, 'POST', '/v1/providers', { cbor })
  await fetch(bound.onboardingUrl, { redirect: 'manual' })
  await ask(url, 'GET', `/v1/providers/${provider.peerId}`)
  return provider
}

export const topUp = (url: string, { apiKey }: Tenant, cents: number, idempotencyKey: string) =>
  ask<{ state: string }>(url, 'POST', '/v1/top-ups', {
    key: apiKey,
    json: { cents, paymentMethod: CARD },
    idempotencyKey,
  })

export async function authorization(
  url: string,
  { apiKey, consumer }: Tenant,
  provider: Signer,
  amount: bigint,
  idempotencyKey: string,
): Promise<SignedRecord> {
  const { authorization: signed } = await ask<{ authorization: SignedJson }>(
    url,
    'POST',
    '/v1/authorizations',
    {
      key: apiKey,
      json: { consumer: consumer.peerId, provider: provider.peerId, amount: `${amount}` },
      idempotencyKey,
    },
  )
  return {
    bytes: Buffer.from(signed.bytes, 'base64'),
    signatures: signed.signatures.map((one) => ({
      ...one,
      signature: Buffer.from(one.signature, 'base64'),
    })),
  } as unknown as SignedRecord
}

interface SignedJson {
  readonly bytes: string
  readonly signatures: readonly { readonly signature: string }[]
}

export interface Balance {
  readonly available: string
  readonly held: string
}

export const balanceOf = (url: string, { apiKey }: Tenant) =>
  ask<Balance>(url, 'GET', '/v1/balance', { key: apiKey })
