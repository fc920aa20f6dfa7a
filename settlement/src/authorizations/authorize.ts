import { createHash } from 'node:crypto'
import {
  type PeerId,
  type PicoEuro,
  type SignedRecord,
  signRecord,
  spendAuthorization,
} from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { decodeSigned, encodeSigned } from '../receipts/submission.ts'

export interface AuthorizationRequest {
  readonly organization: string
  readonly consumer: PeerId
  readonly provider: PeerId
  readonly limit: PicoEuro
  readonly lifetimeMs: number
  readonly idempotencyKey: string | null
  /** CID of the authorization that it adds to. */
  readonly extends?: string
}

/**
 * Holds `limit` on the organization's balance and promises it to the provider.
 *
 * @throws {SettlementError} HANSE_BALANCE_INSUFFICIENT, HANSE_ORGANIZATION_IN_DEBT, HANSE_CONSUMER_UNKNOWN,
 * HANSE_PROVIDER_UNKNOWN, HANSE_IDEMPOTENCY_KEY
 */
export async function authorize(
  { store, signer, network, now }: SettlementContext,
  request: AuthorizationRequest,
): Promise<SignedRecord> {
  const { organization, consumer, provider, limit, lifetimeMs, idempotencyKey } = request
  if ((await store.provider(provider)) === undefined) {
    throw new SettlementError('HANSE_PROVIDER_UNKNOWN', `${provider} has no payout account here`)
  }
  const issuedAt = now()
  const serial = await store.nextAuthorizationSerial()
  const value = {
    issuer: signer.peerId,
    consumer,
    provider,
    organization,
    limit,
    issuedAt,
    notAfter: issuedAt + lifetimeMs,
    serial,
  }
  const signed = signRecord({ network }, spendAuthorization, value, 'settlement', signer)
  const added = request.extends === undefined ? [] : [request.extends]
  const kept = await store.openAuthorization({
    serial,
    cid: signed.cid.toString(),
    organization,
    consumer,
    provider,
    limit,
    issuedAt,
    notAfter: value.notAfter,
    signed: encodeSigned(signed),
    idempotencyKey,
    requestDigest: digestOf([consumer, provider, limit, lifetimeMs, ...added]),
    ...(request.extends !== undefined && { extends: request.extends }),
  })
  return decodeSigned(kept)
}

export interface MoreRequest {
  readonly organization: string
  /** CID of an open authorization. */
  readonly cid: string
  /** What is added. */
  readonly amount: PicoEuro
  readonly lifetimeMs: number
  readonly idempotencyKey: string
}

/**
 * Adds to an authorization by a second one for the same two peers. Providers count what they have earned under the name
 * of each; were the same promise given anew with a higher limit, the money would be promised twice.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_AUTHORIZATION_CLOSED, and those of `authorize`
 */
export async function authorizeMore(
  context: SettlementContext,
  { organization, cid, amount, lifetimeMs, idempotencyKey }: MoreRequest,
): Promise<SignedRecord> {
  const row = await context.store.authorization(cid)
  if (row?.organization !== organization) {
    throw new SettlementError('HANSE_NOT_FOUND', `no authorization ${cid}`)
  }
  if (row.closedAt !== null || row.revokedAt !== null || row.notAfter <= context.now()) {
    throw new SettlementError('HANSE_AUTHORIZATION_CLOSED', 'it has ended: ask for a new one')
  }
  return authorize(context, {
    organization,
    consumer: row.consumer as PeerId,
    provider: row.provider as PeerId,
    limit: amount,
    lifetimeMs,
    idempotencyKey,
    extends: cid,
  })
}

/** By which a repeated request is told from another one under the same idempotency key. */
export function digestOf(parts: readonly (string | number | bigint)[]): string {
  return createHash('sha256').update(parts.map(String).join('\n')).digest('hex')
}
