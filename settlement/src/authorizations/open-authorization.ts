import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { toBudget } from '../budgets/budget-rows.ts'
import { BudgetRefusal, holdWithinBudgets, tellRefusal } from '../budgets/hold-within-budgets.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import {
  ensureAccounts,
  LEDGER_COUNTS,
  LEDGER_CTES,
  runPosting,
  transferRows,
} from '../ledger/post-transfers.ts'
import type { LogFact } from '../log/log-fact.ts'
import { type KeyText, keyOfText, subjectKeys } from '../log/subject-keys.ts'
import { INSERT_EVENTS, sealedEvents } from '../log/write-events.ts'
import { allowedByPolicy } from '../policies/allowed-by-policy.ts'
import { requireBasis } from '../rights/basis-store.ts'
import { refuseRestricted } from '../rights/restriction.ts'
import type { UsageSpender } from '../usage/spender.ts'
import { internSpender } from '../usage/spender-store.ts'
import { type Begun, begin } from './begin-authorization.ts'
import { holdOf, type NewAuthorization } from './new-authorization.ts'

/**
 * Puts the hold and keeps the signed promise, together: the promise may leave the house only after this. The same
 * idempotency key finds what it made before.
 *
 * Three statements, four where budgets are looked at: what is waited for and all that is judged, the sums of budgets, and
 * what is written. The rows of whoever may end what the organization does are locked from the first on, so that each end is
 * either seen here or finds this promise: see `revokeAllOf`.
 *
 * @returns the signed record to answer with
 * @throws {SettlementError} HANSE_BALANCE_INSUFFICIENT, HANSE_ORGANIZATION_IN_DEBT, HANSE_ORGANIZATION_DISABLED,
 * HANSE_CONSUMER_UNKNOWN, HANSE_IDEMPOTENCY_KEY, HANSE_BUDGET_EXHAUSTED, HANSE_BUDGET_RESERVED, HANSE_POLICY_REFUSED,
 * HANSE_LAWFUL_BASIS_REQUIRED, HANSE_PROCESSING_RESTRICTED, HANSE_UNAUTHENTICATED when the key has ended meanwhile
 */
export async function openAuthorization(
  db: Database,
  given: NewAuthorization,
): Promise<Uint8Array> {
  try {
    return await transact(db, (tx) => open(tx, given))
  } catch (error) {
    // What a budget refuses is told to the organization after the hold was taken back.
    if (error instanceof BudgetRefusal) await tellRefusal(db, error, given.issuedAt)
    throw error
  }
}

async function open(tx: Database, given: NewAuthorization): Promise<Uint8Array> {
  const begun = await begin(tx, given)
  if (!begun.isNew) return earlier(tx, given)
  judge(begun, given)
  await holdWithinBudgets(tx, given, begun.budgets.map(toBudget), begun.timeZone)
  if (given.spender !== null && begun.spender === null) await nameSpender(tx, given, given.spender)
  await post(tx, given, begun)
  return given.signed
}

/** @throws {SettlementError} the first reason against it */
function judge(begun: Begun, given: NewAuthorization): void {
  const { organization, provider } = begun
  if (organization?.isDisabled === true) {
    throw new SettlementError('HANSE_ORGANIZATION_DISABLED', 'the organization is disabled')
  }
  if (begun.hasKeyEnded === true) {
    throw new SettlementError('HANSE_UNAUTHENTICATED', 'the API key has ended')
  }
  if (given.needsBasis === true) {
    requireBasis(begun.basis)
    refuseRestricted({
      organization: organization?.isRestricted ?? false,
      provider: provider?.isRestricted ?? false,
    })
  }
  if (begun.boundTo !== given.organization) {
    throw new SettlementError('HANSE_CONSUMER_UNKNOWN', 'not a consumer of this organization')
  }
  if (begun.isInDebt) {
    throw new SettlementError('HANSE_ORGANIZATION_IN_DEBT', 'the organization owes us')
  }
  allowedByPolicy(begun, { ...given, country: provider?.country ?? null })
}

/** The first time that anything is held under them. */
async function nameSpender(tx: Database, given: NewAuthorization, spender: UsageSpender) {
  const id = await internSpender(tx, given.organization, spender, given.issuedAt)
  await tx.execute(sql`update spend_authorization set spender = ${id?.toString() ?? null}::int8
    where serial = ${given.serial.toString()}::int8`)
}

const POST = `with ${LEDGER_CTES}, told as (${INSERT_EVENTS} returning 1) select ${LEDGER_COUNTS}`

async function post(
  tx: Database,
  given: NewAuthorization,
  { accounts, seal }: Begun,
): Promise<void> {
  const { issued, issuedAt } = given
  const transfers = [holdOf(given)]
  if (accounts < 2) await ensureAccounts(tx, transfers)
  const events = issued === undefined ? [] : await sealed(tx, issued, seal, issuedAt)
  await runPosting(tx, POST, { transfers: transferRows(transfers), events }, issuedAt)
}

async function sealed(tx: Database, issued: LogFact, seal: KeyText | null, at: number) {
  const owners = issued.owner === null ? [] : [issued.owner]
  const keys =
    seal === null
      ? await subjectKeys(tx, owners, at, randomBytes)
      : new Map(owners.map((owner) => [owner, keyOfText(seal)]))
  return sealedEvents([issued], keys, at)
}

/** What the same idempotency key has made. */
async function earlier(tx: Database, given: NewAuthorization): Promise<Uint8Array> {
  const [row] = await rows<{ signed: Uint8Array; digest: string }>(
    tx,
    sql`select signed, request_digest as digest from spend_authorization
      where organization = ${given.organization} and idempotency_key = ${given.idempotencyKey}`,
  )
  if (row?.digest !== given.requestDigest) {
    throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'this key was used for another request')
  }
  return Uint8Array.from(row.signed)
}
