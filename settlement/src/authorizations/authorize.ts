import { createHash } from 'node:crypto'
import {
  type PeerId,
  type PicoEuro,
  type SignedRecord,
  signRecord,
  spendAuthorization,
} from '@hanse/protocol'
import { printAttribution, type SpendAttribution } from '../budgets/budget.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { residencyOf } from '../policies/residency-of.ts'
import { decodeSigned, encodeSigned } from '../receipts/submission.ts'
import type { UsageSpender } from '../usage/spender.ts'
import {
  authorizationIssued,
  authorizationRefused,
  REFUSALS,
  RefusalsTold,
} from './authorization-events.ts'

export interface AuthorizationRequest {
  readonly organization: string
  readonly consumer: PeerId
  readonly provider: PeerId
  readonly limit: PicoEuro
  readonly lifetimeMs: number
  readonly idempotencyKey: string | null
  /** CID of the authorization that it adds to. */
  readonly extends?: string
  /** Whom it is for alone; absent where it is for anybody. */
  readonly attribution?: SpendAttribution | undefined
  /** Who asks for it; usage is summed by that. */
  readonly by?: Omit<UsageSpender, 'tags'>
}

/**
 * Holds `limit` on the organization's balance and promises it to the provider.
 *
 * @throws {SettlementError} HANSE_BALANCE_INSUFFICIENT, HANSE_ORGANIZATION_IN_DEBT, HANSE_CONSUMER_UNKNOWN,
 * HANSE_PROVIDER_UNKNOWN, HANSE_IDEMPOTENCY_KEY, HANSE_BUDGET_EXHAUSTED, HANSE_BUDGET_RESERVED, HANSE_POLICY_REFUSED,
 * HANSE_LAWFUL_BASIS_REQUIRED, HANSE_PROCESSING_RESTRICTED, and of whoever may not act any more:
 * HANSE_ORGANIZATION_DISABLED, HANSE_UNAUTHENTICATED
 */
export async function authorize(
  context: SettlementContext,
  request: AuthorizationRequest,
): Promise<SignedRecord> {
  try {
    return await open(context, request)
  } catch (error) {
    if (context.euAudit) await noteRefusal(context, request, error)
    throw error
  }
}

const toldOf = new WeakMap<SettlementContext, RefusalsTold>()

async function noteRefusal(
  context: SettlementContext,
  request: AuthorizationRequest,
  error: unknown,
): Promise<void> {
  if (!(error instanceof SettlementError) || !REFUSALS.has(error.code)) return
  const told = toldOf.get(context) ?? new RefusalsTold()
  toldOf.set(context, told)
  const at = context.now()
  if (!told.isNew(request, error.code, at)) return
  await context.store.logFact(authorizationRefused(request, error.code), at)
}

async function open(
  { store, signer, network, now, euAudit }: SettlementContext,
  request: AuthorizationRequest,
): Promise<SignedRecord> {
  const { organization, consumer, provider, limit, lifetimeMs, idempotencyKey } = request
  const issuedAt = now()
  const by = { ...(request.by ?? NOBODY), tags: request.attribution?.tags ?? [] }
  const facts = await store.askFacts({ organization, provider, by })
  const attribution = printAttribution(request.attribution ?? {})
  const residency = residencyOf(facts, { attribution, at: issuedAt })
  const ruled = residency === undefined ? {} : { residency }
  const value = {
    issuer: signer.peerId,
    consumer,
    provider,
    organization,
    limit,
    issuedAt,
    notAfter: issuedAt + lifetimeMs,
    serial: facts.serial,
    ...ruled,
  }
  const signed = signRecord({ network }, spendAuthorization, value, 'settlement', signer)
  const added = [request.extends, attribution].filter((part) => typeof part === 'string')
  const kept = await store.openAuthorization({
    serial: facts.serial,
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
    attribution,
    spender: facts.spender,
    needsBasis: euAudit,
    ...(euAudit && { issued: authorizationIssued(signed.cid.toString(), request, residency) }),
    ...ruled,
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
  readonly by?: Omit<UsageSpender, 'tags'>
}

/**
 * Adds to an authorization by a second one for the same two peers. Providers count what they have earned under the name
 * of each; were the same promise given anew with a higher limit, the money would be promised twice.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_AUTHORIZATION_CLOSED, and those of `authorize`
 */
export async function authorizeMore(
  context: SettlementContext,
  { organization, cid, amount, lifetimeMs, idempotencyKey, by }: MoreRequest,
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
    ...(by !== undefined && { by }),
    ...(row.attribution !== null && {
      attribution: JSON.parse(row.attribution) as SpendAttribution,
    }),
  })
}

const NOBODY = { key: '', member: '' }

/** By which a repeated request is told from another one under the same idempotency key. */
export function digestOf(parts: readonly (string | number | bigint)[]): string {
  return createHash('sha256').update(parts.map(String).join('\n')).digest('hex')
}
