import type { Database } from '../db/database.ts'
import {
  documentCte,
  ensureAccounts,
  LEDGER_COUNTS,
  LEDGER_CTES,
  runPosting,
  transfersDocument,
} from '../ledger/post-transfers.ts'
import type { BookingPlan } from './booking-plan.ts'

/**
 * Everything that a batch writes, in one statement with one parameter: 25 to 60 times the rate of row by row. The
 * keys of the tables make it fail as a whole, should it ever meet a receipt that is there already.
 */
const POST = `
with ${documentCte('transfers', 'sessions', 'receipts', 'conflicts', 'spent')},
sessions as (
  insert into settled_session (session, authorization_serial, organization, consumer, provider, model, sequence,
    receipt, amount, fee, fee_bps, input_tokens, cached_input_tokens, output_tokens, final, signed_order,
    signed_acceptance, accepted_at, updated_at)
  select x.session, x.serial, x.organization, x.consumer, x.provider, x.model, x.sequence, x.receipt, x.amount, x.fee,
    x.bps, x.input, x.cached, x.output, x.final, decode(x."order", 'base64'), decode(x.acceptance, 'base64'),
    x.accepted, doc.at
  from doc, json_to_recordset(doc.sessions) as x(session text, serial int8, organization text,
    consumer text, provider text, model text, sequence int8, receipt text, amount numeric, fee numeric, bps int4,
    input int8, cached int8, output int8, final text, "order" text, acceptance text, accepted timestamptz)
  on conflict (session) do update set sequence = excluded.sequence, receipt = excluded.receipt,
    amount = excluded.amount, fee = excluded.fee, input_tokens = excluded.input_tokens,
    cached_input_tokens = excluded.cached_input_tokens, output_tokens = excluded.output_tokens,
    final = excluded.final, updated_at = excluded.updated_at),
receipts as (
  insert into settled_receipt (session, sequence, cid, amount, increase, signed, at)
  select x.session, x.sequence, x.cid, x.amount, x.increase, decode(x.signed, 'base64'),
    doc.at
  from doc, json_to_recordset(doc.receipts)
    as x(session text, sequence int8, cid text, amount numeric, increase numeric, signed text)),
conflicts as (
  insert into receipt_conflict (session, sequence, cid, signed, at)
  select x.session, x.sequence, x.cid, decode(x.signed, 'base64'), doc.at
  from doc, json_to_recordset(doc.conflicts) as x(session text, sequence int8, cid text, signed text)
  on conflict do nothing),
spending as (
  update spend_authorization a set spent = a.spent + x.amount
  from doc, json_to_recordset(doc.spent) as x(serial int8, amount numeric)
  where a.serial = x.serial),
${LEDGER_CTES}
select ${LEDGER_COUNTS}`

/** Writes what a plan decided, inside the transaction that holds its locks. */
export async function postBookings(tx: Database, plan: BookingPlan, at: number): Promise<void> {
  if (plan.receipts.length + plan.conflicts.length === 0) return
  await ensureAccounts(tx, plan.transfers)
  await runPosting(tx, POST, {
    ...transfersDocument(plan.transfers, at),
    sessions: [...plan.sessions.values()].map(({ claim, facts, serial, organization }) => ({
      session: claim.session,
      serial: serial?.toString(),
      organization,
      consumer: claim.consumer,
      provider: claim.provider,
      model: claim.model,
      sequence: claim.sequence.toString(),
      receipt: claim.receipt,
      amount: claim.amount.toString(),
      fee: facts.fee.toString(),
      bps: facts.feeBps,
      input: claim.inputTokens.toString(),
      cached: claim.cachedInputTokens.toString(),
      output: claim.outputTokens.toString(),
      final: claim.final,
      order: base64(claim.signedOrder),
      acceptance: base64(claim.signedAcceptance),
      accepted: new Date(claim.acceptedAt).toISOString(),
    })),
    receipts: plan.receipts.map(({ claim, increase }) => ({
      ...seat(claim),
      amount: claim.amount.toString(),
      increase: increase.toString(),
    })),
    conflicts: plan.conflicts.map(seat),
    spent: [...plan.spent].map(([serial, amount]) => ({
      serial: serial.toString(),
      amount: amount.toString(),
    })),
  })
}

const seat = (claim: BookingPlan['conflicts'][number]) => ({
  session: claim.session,
  sequence: claim.sequence.toString(),
  cid: claim.receipt,
  signed: base64(claim.signedReceipt),
})

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
