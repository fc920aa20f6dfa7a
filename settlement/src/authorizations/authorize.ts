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
}

/**
 * Holds `limit` on the organization's balance and promises it to the provider.
 *
 * @throws {SettlementError} HANSE_BALANCE_INSUFFICIENT, HANSE_CONSUMER_UNKNOWN, HANSE_PROVIDER_UNKNOWN,
 * HANSE_IDEMPOTENCY_KEY
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
    requestDigest: digestOf([consumer, provider, limit, lifetimeMs]),
  })
  return decodeSigned(kept)
}

/** By which a repeated request is told from another one under the same idempotency key. */
export function digestOf(parts: readonly (string | number | bigint)[]): string {
  return createHash('sha256').update(parts.map(String).join('\n')).digest('hex')
}
