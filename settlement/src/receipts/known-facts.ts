import { asksForPlace, type PeerId, picoEuro, type Residency } from '@hanse/protocol'
import { eq, inArray, sql } from 'drizzle-orm'
import { withheldSince } from '../attestations/withheld-since.ts'
import { recordset, textArray } from '../db/column-lists.ts'
import type { Database } from '../db/database.ts'
import {
  consumer,
  provider,
  settledReceipt,
  settledSession,
  settledStatement,
  spendAuthorization,
} from '../db/schema.ts'
import { toProvider } from '../tenants/tenant-store.ts'
import type { KnownFacts, KnownLanes } from './booking-plan.ts'
import type { Claim, StatementClaim } from './claim.ts'
import { asksForMore, type KnownAttestation, knownAttestations } from './known-attestations.ts'
import { frozenLanes, knownConflicts } from './known-conflicts.ts'
import { claimAs } from './session-key.ts'
import { decodeSigned } from './submission.ts'

/** What is booked together: receipts, or statements with all of their claims. */
export interface Batch {
  readonly claims: readonly Claim[]
  readonly statements: readonly StatementClaim[]
}

interface Parties {
  readonly consumer: PeerId
  readonly provider: PeerId
  readonly authorization: string | null
}

/**
 * Whoever books sessions of one pair at once waits for the other, in one order: first for the rows of the
 * authorizations, which the batch will change, then for a lock by name for each pair. A lock for each session would
 * take more of them than a server has.
 */
export async function lockBatch(tx: Database, batch: Batch): Promise<void> {
  const parties = partiesOf(batch)
  await tx.execute(
    sql`select serial from spend_authorization where cid = any(${textArray(authorizations(parties))}) order by serial for update`,
  )
  const pairs = parties.map((pair) => `${pair.provider}/${pair.consumer}`)
  await tx.execute(
    sql`select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended(value, 0) as key from unnest(${textArray(pairs)}) as value order by key) k`,
  )
}

/** Reads what the decisions on a batch rest on; the caller has its locks. */
export async function knownFacts(tx: Database, batch: Batch, at: number): Promise<KnownFacts> {
  const parties = partiesOf(batch)
  const authorizationRows = await tx
    .select()
    .from(spendAuthorization)
    .where(sql`${spendAuthorization.cid} = any(${textArray(authorizations(parties))})`)
  const providerRows = await tx
    .select()
    .from(provider)
    .where(sql`${provider.peerId} = any(${textArray(parties.map((pair) => pair.provider))})`)
  const authorizationsKnown = new Map(
    authorizationRows.map((row) => [row.cid, toAuthorization(row)]),
  )
  const ruled = batch.claims.filter((claim) => policiesOn(claim, authorizationsKnown).length > 0)
  const withheld = await withheldSince(tx, providersOf(ruled), at)
  const attested = await attestedOf(tx, ruled, providerRows, authorizationsKnown)
  const consumerRows = await tx
    .select()
    .from(consumer)
    .where(sql`${consumer.peerId} = any(${textArray(parties.map((pair) => pair.consumer))})`)
  const sessions = await sessionFacts(tx, batch.claims)
  const claims = batch.claims.map((claim) => claimAs(claim, sessions))
  // A receipt is never without its session: of what is new there is nothing to look for.
  const receipts = await seatsOf(
    tx,
    claims.filter(({ session }) => sessions.has(session)),
  )
  const lanes = await lanesOf(tx, batch.statements)
  return {
    authorizations: authorizationsKnown,
    sessions,
    receipts,
    providers: new Map(
      providerRows.map((row) => [
        row.peerId,
        {
          ...toProvider(row),
          withheldSince: withheld.get(row.peerId),
          attested: attested.get(row.peerId),
        },
      ]),
    ),
    organizations: new Map(consumerRows.map((row) => [row.peerId, row.organization])),
    lanes,
    conflicts: await knownConflicts(tx, claims, receipts, batch.statements, lanes),
  }
}

/** What the order and the payer ask of where it was done. */
function policiesOn(claim: Claim, known: KnownFacts['authorizations']): Residency[] {
  const payer = known.get(claim.authorization ?? '')?.residency
  return [claim.residency, ...(payer === undefined ? [] : [payer])].filter(asksForPlace)
}

const providersOf = (claims: readonly Claim[]) => [
  ...new Set(claims.map((claim) => claim.provider)),
]

/** Looked up only where a payout account alone does not answer: of most sessions it does. */
async function attestedOf(
  tx: Database,
  claims: readonly Claim[],
  providers: readonly (typeof provider.$inferSelect)[],
  known: KnownFacts['authorizations'],
): Promise<Map<string, KnownAttestation[]>> {
  const paid = new Set(
    providers.filter(({ payableSince }) => payableSince !== null).map(({ peerId }) => peerId),
  )
  const open = claims.filter(
    (claim) => !paid.has(claim.provider) || policiesOn(claim, known).some(asksForMore),
  )
  const since = open.reduce((least, { acceptedAt }) => Math.min(least, acceptedAt), Infinity)
  return await knownAttestations(tx, providersOf(open), Math.min(since, Number.MAX_SAFE_INTEGER))
}

async function sessionFacts(
  tx: Database,
  claims: readonly Claim[],
): Promise<KnownFacts['sessions']> {
  const facts: KnownFacts['sessions'] = new Map()
  const read = async (keys: readonly string[]): Promise<void> => {
    const found = await tx
      .select({
        session: settledSession.session,
        consumer: settledSession.consumer,
        provider: settledSession.provider,
        serial: settledSession.authorizationSerial,
        sequence: settledSession.sequence,
        amount: settledSession.amount,
        fee: settledSession.fee,
        feeBps: settledSession.feeBps,
        inputTokens: settledSession.inputTokens,
        outputTokens: settledSession.outputTokens,
        frozen: sql<boolean>`settled_session.frozen_at is not null`,
      })
      .from(settledSession)
      .where(sql`${settledSession.session} = any(${textArray(keys)})`)
    for (const { session, amount, fee, ...row } of found) {
      facts.set(session, { ...row, amount: picoEuro(amount), fee: picoEuro(fee) })
    }
  }
  await read(claims.map(({ session }) => session))
  const displaced = claims
    .map((claim) => claimAs(claim, facts).session)
    .filter((key) => !facts.has(key) && key.includes('~'))
  if (displaced.length > 0) await read(displaced)
  return facts
}

async function seatsOf(tx: Database, claims: readonly Claim[]): Promise<Map<string, string>> {
  if (claims.length === 0) return new Map()
  const found = await tx
    .select({
      session: settledReceipt.session,
      sequence: settledReceipt.sequence,
      cid: settledReceipt.cid,
    })
    .from(settledReceipt)
    .where(
      sql`(${settledReceipt.session}, ${settledReceipt.sequence}) in (
        select session, sequence from ${recordset(claims, 'x(session text, sequence int8)')})`,
    )
  return new Map(found.map((row) => [`${row.session}/${row.sequence}`, row.cid]))
}

async function lanesOf(tx: Database, statements: readonly StatementClaim[]): Promise<KnownLanes> {
  if (statements.length === 0) return { seats: new Map(), statements: new Map(), frozen: new Set() }
  const taken = await tx
    .select({
      authorization: spendAuthorization.cid,
      lane: settledStatement.lane,
      sequence: settledStatement.sequence,
      cid: settledStatement.cid,
    })
    .from(settledStatement)
    .innerJoin(
      spendAuthorization,
      eq(spendAuthorization.serial, settledStatement.authorizationSerial),
    )
    .where(
      sql`(${spendAuthorization.cid}, ${settledStatement.lane}, ${settledStatement.sequence}) in (
        select "authorization", lane, sequence from ${recordset(statements, 'x("authorization" text, lane int8, sequence int8)')})`,
    )
  const previous = statements.flatMap((claim) => claim.previous ?? [])
  const before = await tx
    .select({ cid: settledStatement.cid, signed: settledStatement.signed })
    .from(settledStatement)
    .where(inArray(settledStatement.cid, previous))
  return {
    seats: new Map(
      taken.map((row) => [`${row.authorization}/${row.lane}/${row.sequence}`, row.cid]),
    ),
    statements: new Map(before.map((row) => [row.cid, decodeSigned(row.signed).bytes])),
    frozen: await frozenLanes(tx, statements),
  }
}

function partiesOf({ claims, statements }: Batch): Parties[] {
  const parties = new Map<string, Parties>()
  // All lines of a statement are between the same two.
  for (const one of statements.length > 0 ? statements : claims) {
    parties.set(`${one.provider}/${one.consumer}/${one.authorization}`, one)
  }
  return [...parties.values()]
}

const authorizations = (parties: readonly Parties[]) =>
  parties.flatMap(({ authorization }) => authorization ?? [])

const toAuthorization = (row: typeof spendAuthorization.$inferSelect) => ({
  serial: row.serial,
  consumer: row.consumer,
  provider: row.provider,
  organization: row.organization,
  remaining: picoEuro(row.limit - row.spent - row.released),
  notAfter: row.notAfter.getTime(),
  closed: row.closedAt !== null,
  residency: row.residency ?? undefined,
})
