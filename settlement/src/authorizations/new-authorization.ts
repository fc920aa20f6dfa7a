import type { PicoEuro, Residency } from '@hanse/protocol'
import { accountId, type Transfer } from '../ledger/accounts.ts'
import type { LogFact } from '../log/log-fact.ts'
import type { UsageSpender } from '../usage/spender.ts'

export interface NewAuthorization {
  readonly serial: bigint
  readonly cid: string
  readonly organization: string
  readonly consumer: string
  readonly provider: string
  readonly limit: PicoEuro
  readonly issuedAt: number
  readonly notAfter: number
  /** DAG-CBOR of the signed record. */
  readonly signed: Uint8Array
  readonly idempotencyKey: string | null
  readonly requestDigest: string
  /** CID of the authorization that it adds to. */
  readonly extends?: string
  /** See `printAttribution`. */
  readonly attribution: string | null
  /** Under whom it is summed; null for nobody. */
  readonly spender: UsageSpender | null
  /** As the signed record has it. */
  readonly residency?: Residency
  /** In EU mode: not without a lawful basis, and not while processing is restricted. */
  readonly needsBasis?: boolean
  /** In EU mode: what the audit trail tells of it. */
  readonly issued?: LogFact
}

/** What it moves. */
export const holdOf = ({ organization, limit, cid }: NewAuthorization): Transfer => ({
  debit: accountId('available', organization),
  credit: accountId('held', organization),
  amount: limit,
  kind: 'hold',
  reference: cid,
})
