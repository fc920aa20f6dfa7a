import { type Database, LostRace } from '../db/database.ts'
import {
  ensureAccounts,
  LEDGER_COUNTS,
  LEDGER_CTES,
  runPosting,
  transferRows,
} from '../ledger/post-transfers.ts'
import type { BookingPlan, SessionWrite } from './booking-plan.ts'
import type { Claim } from './claim.ts'
import { orderOf } from './session-key.ts'

/**
 * Everything that a batch writes, in one statement with one parameter for each column: 25 to 60 times the rate of row by row. The
 * keys of the tables make it fail as a whole, should it ever meet a receipt that is there already.
 */
const POST = `
with statements as (
  insert into settled_statement (cid, authorization_serial, lane, sequence, sessions, amount, signed, lines, at)
  select x.cid, x.serial, x.lane, x.sequence, x.sessions, x.amount, decode(x.signed, 'base64'),
    decode(x.lines, 'base64'), {at}
  from {statements} as x(cid text, serial int8, lane int8, sequence int8, sessions int4,
    amount numeric, signed text, lines text)),
statement_conflicts as (
  insert into statement_conflict (authorization_serial, lane, sequence, cid, signed, at)
  select x.serial, x.lane, x.sequence, x.cid, decode(x.signed, 'base64'), {at}
  from {statement_conflicts}
    as x(cid text, serial int8, lane int8, sequence int8, signed text)
  on conflict do nothing),
s as materialized (
  select x.*, p.serial, p.organization, p.consumer, p.provider, p.bps, p.statement, p.line_of
  from {sessions} as x(terms int4, session text, order_cid text, model text, sequence int8,
    receipt text, amount numeric, fee numeric, input int8, cached int8, output int8, final text, "order" text,
    acceptance text, accepted timestamptz, increase numeric, signed text)
  join {terms} as p(terms int4, serial int8, organization text, consumer text, provider text,
    bps int4, statement text, line_of text) on p.terms = x.terms),
sessions as (
  insert into settled_session (session, order_cid, authorization_serial, organization, consumer, provider, model,
    sequence, receipt, amount, fee, fee_bps, input_tokens, cached_input_tokens, output_tokens, final, signed_order,
    signed_acceptance, statement, accepted_at, updated_at)
  select x.session, x.order_cid, x.serial, x.organization, x.consumer, x.provider, x.model, x.sequence, x.receipt,
    x.amount, x.fee, x.bps, x.input, x.cached, x.output, x.final, decode(x."order", 'base64'),
    decode(x.acceptance, 'base64'), x.statement, x.accepted, {at}
  from s x
  on conflict (session) do update set sequence = excluded.sequence, receipt = excluded.receipt,
    amount = excluded.amount, fee = excluded.fee, input_tokens = excluded.input_tokens,
    cached_input_tokens = excluded.cached_input_tokens, output_tokens = excluded.output_tokens,
    final = excluded.final, updated_at = excluded.updated_at,
    signed_order = coalesce(settled_session.signed_order, excluded.signed_order),
    signed_acceptance = coalesce(settled_session.signed_acceptance, excluded.signed_acceptance),
    statement = coalesce(excluded.statement, settled_session.statement)
  -- Of two pairs that name one order at once, the second changes nothing, is found out below, and tries again.
  where settled_session.consumer = excluded.consumer and settled_session.provider = excluded.provider
  returning 1),
receipts as (
  insert into settled_receipt (session, sequence, cid, amount, increase, signed, statement, at)
  select session, sequence, receipt, amount, increase, decode(signed, 'base64'), line_of, {at} from s
    where increase is not null
  union all
  select x.session, x.sequence, x.cid, x.amount, x.increase, decode(x.signed, 'base64'), x.statement, {at}
  from {receipts} as x(session text, sequence int8, cid text, amount numeric,
    increase numeric, signed text, statement text)),
conflicts as (
  insert into receipt_conflict (session, sequence, cid, signed, statement, at)
  select x.session, x.sequence, x.cid, decode(x.signed, 'base64'), x.statement, {at}
  from {conflicts}
    as x(session text, sequence int8, cid text, signed text, statement text)
  on conflict do nothing),
spending as (
  update spend_authorization a set spent = a.spent + x.amount
  from {spent} as x(serial int8, amount numeric)
  where a.serial = x.serial),
${LEDGER_CTES}
select ${LEDGER_COUNTS}, (select count(*) from sessions)::int4 as sessions`

/** Writes what a plan decided, inside the transaction that holds its locks. */
export async function postBookings(tx: Database, plan: BookingPlan, at: number): Promise<void> {
  const { receipts, conflicts, statements, statementConflicts } = plan
  const writes = receipts.length + conflicts.length + statements.length + statementConflicts.length
  if (writes === 0) return
  await ensureAccounts(tx, plan.transfers)
  // A session with the receipt that it is booked by is one row of the parameters: hardly any batch has others.
  const increases = new Map(receipts.map(({ claim, increase }) => [claim, increase]))
  const terms = new TermsList()
  const sessions = [...plan.sessions.values()].map((write) => {
    const increase = increases.get(write.claim)
    increases.delete(write.claim)
    return sessionRow(write, terms.indexOf(write), increase)
  })
  const counts = await runPosting<{ sessions: number }>(
    tx,
    POST,
    {
      transfers: transferRows(plan.transfers),
      sessions,
      terms: terms.rows,
      receipts: [...increases].map(([claim, increase]) => ({
        ...receiptRow(claim),
        amount: claim.amount,
        increase: increase,
      })),
      conflicts: conflicts.map(receiptRow),
      statements: statements.map((write) => ({
        ...statementRow(write),
        sessions: write.claim.claims.length + write.claim.refused.length,
        amount: write.claim.amount,
        lines: base64(write.claim.lines),
      })),
      statement_conflicts: statementConflicts.map(statementRow),
      spent: [...plan.spent].map(([serial, amount]) => ({
        serial: serial,
        amount: amount,
      })),
    },
    at,
  )
  if (counts.sessions !== plan.sessions.size) throw new LostRace('another pair has this session')
}

/** What sessions have in common, each kind of it once: all sessions of a Statement, for one, and half of their bytes. */
class TermsList {
  readonly rows: object[] = []
  readonly #indexes = new Map<string, number>()
  #last: { readonly write: SessionWrite; readonly terms: number } | undefined

  indexOf(write: SessionWrite): number {
    // Sessions of one Statement come one after the other.
    if (this.#last !== undefined && hasSameTerms(this.#last.write, write)) return this.#last.terms
    const terms = this.#find(write)
    this.#last = { write, terms }
    return terms
  }

  #find({ claim, facts, organization, statement }: SessionWrite): number {
    const { consumer, provider } = claim
    const { serial, feeBps } = facts
    const key = `${serial} ${consumer} ${provider} ${feeBps} ${statement} ${claim.statement}`
    const known = this.#indexes.get(key)
    if (known !== undefined) return known
    const terms = this.rows.length
    this.#indexes.set(key, terms)
    this.rows.push({
      terms,
      serial: serial?.toString(),
      organization,
      consumer,
      provider,
      bps: feeBps,
      statement,
      line_of: claim.statement,
    })
    return terms
  }
}

const hasSameTerms = (a: SessionWrite, b: SessionWrite): boolean =>
  a.statement === b.statement &&
  a.claim.statement === b.claim.statement &&
  a.claim.consumer === b.claim.consumer &&
  a.claim.provider === b.claim.provider &&
  a.facts.serial === b.facts.serial &&
  a.facts.feeBps === b.facts.feeBps

const sessionRow = (write: SessionWrite, terms: number, increase: bigint | undefined) => {
  const { claim, facts, evidence } = write
  return {
    terms,
    session: claim.session,
    order_cid: orderOf(claim.session),
    model: claim.model,
    sequence: claim.sequence,
    receipt: claim.receipt,
    amount: claim.amount,
    fee: facts.fee,
    input: claim.inputTokens,
    cached: claim.cachedInputTokens,
    output: claim.outputTokens,
    final: claim.final,
    order: evidence && base64(evidence.signedOrder),
    acceptance: evidence && base64(evidence.signedAcceptance),
    accepted: new Date(claim.acceptedAt).toISOString(),
    ...(increase !== undefined && {
      increase: increase,
      signed: claim.evidence && base64(claim.evidence.signedReceipt),
    }),
  }
}

const receiptRow = ({ session, sequence, receipt, evidence, statement }: Claim) => ({
  session,
  sequence: sequence,
  cid: receipt,
  signed: evidence && base64(evidence.signedReceipt),
  statement,
})

const statementRow = ({ claim, serial }: BookingPlan['statements'][number]) => ({
  cid: claim.cid,
  serial: serial,
  lane: claim.lane,
  sequence: claim.sequence,
  signed: base64(claim.signed),
})

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64')
