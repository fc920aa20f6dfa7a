import { z } from 'zod'
import { formatEuro, picoEuro } from '../../money.ts'
import { receipt, receiptSigners } from '../../receipt/receipt.ts'
import { verifyBundle } from '../../receipt/verify-bundle.ts'
import { bytesUpTo } from '../../record/fields.ts'
import { openSigned, signedRecordSchema } from '../../record/signed.ts'
import { attestationSigners, regionAttestation } from '../../region/attestation.ts'
import { acceptance, acceptanceSigners, order, orderSigners } from '../../session/records.ts'
import { LINE_BYTES_MAX } from '../../statement/line.ts'
import { openStatement, STATEMENT_SESSIONS_MAX } from '../../statement/statement.ts'
import { decodeCanonical } from '../../wire.ts'
import type { FileCheck, PackageContext } from './check-file.ts'
import { decodeSignedRecord } from './package-log.ts'
import { badPackage } from './zip.ts'

const SESSION_BYTES_MAX = 32_768
const STATEMENT_BYTES_MAX = 16_384 + STATEMENT_SESSIONS_MAX * (LINE_BYTES_MAX + 4)

/** The records that settle one session by itself, in DAG-CBOR, as a package holds them. */
export const sessionFile = z.strictObject({
  order: signedRecordSchema,
  acceptance: signedRecordSchema,
  receipt: signedRecordSchema,
})

/** A statement with the lines that it is over. */
export const statementFile = z.strictObject({
  statement: signedRecordSchema,
  lines: z.array(bytesUpTo(LINE_BYTES_MAX)).max(STATEMENT_SESSIONS_MAX),
})

/** The bundle of a node: all that there is on a session. */
export function checkBundle(bytes: Uint8Array, { trust }: PackageContext, name: string): FileCheck {
  const { checkpoint: _, ...roots } = trust
  const { checks, summary } = verifyBundle(bytes, roots)
  const failed = checks.find(({ status }) => status === 'failed')
  if (failed !== undefined || summary === undefined) {
    throw badPackage(failed === undefined ? 'not a bundle' : `${failed.id}: ${failed.detail}`)
  }
  if (summary.session !== name) throw badPackage(`it is of session ${summary.session}`)
  const { model, country, inputTokens, outputTokens, amount } = summary
  const told = `${model} in ${country}, ${inputTokens} + ${outputTokens} tokens for ${formatEuro(picoEuro(amount))}`
  const open = checks.filter(({ status }) => status === 'unproved').map(({ id }) => id)
  if (open.length === 0) return { detail: told, status: 'ok' }
  return { detail: `${told}; not proved to you: ${open.join(', ')}`, status: 'unproved' }
}

/** What a settlement keeps of a session: that both sides signed the last receipt of this order. */
export function checkSession(
  bytes: Uint8Array,
  { trust }: PackageContext,
  name: string,
): FileCheck {
  const parsed = sessionFile.safeParse(decodeCanonical(bytes, SESSION_BYTES_MAX))
  if (!parsed.success) throw badPackage('not the records of a session')
  const ordered = openSigned(trust, order, parsed.data.order, orderSigners)
  const accepted = openSigned(trust, acceptance, parsed.data.acceptance, acceptanceSigners)
  const { consumer, provider, model } = ordered.value
  const signers = receiptSigners(consumer, provider)
  const last = openSigned(trust, receipt, parsed.data.receipt, signers)
  if (ordered.cid.toString() !== name) throw badPackage('the order of another session')
  const isOne =
    accepted.value.order.equals(ordered.cid) &&
    accepted.value.provider === provider &&
    last.value.acceptance.equals(accepted.cid)
  if (!isOne) throw badPackage('order, acceptance and receipt are not of one session')
  const { inputTokens, outputTokens, amount } = last.value
  return {
    detail: `${model} from ${provider}, ${inputTokens} + ${outputTokens} tokens for ${formatEuro(amount)}, signed by both sides`,
    status: 'ok',
  }
}

/** Sessions that two peers settled together. */
export function checkStatement(
  bytes: Uint8Array,
  { trust }: PackageContext,
  name: string,
): FileCheck {
  const parsed = statementFile.safeParse(decodeCanonical(bytes, STATEMENT_BYTES_MAX))
  if (!parsed.success) throw badPackage('not a statement with its lines')
  const { cid, value } = openStatement(trust, parsed.data.statement, parsed.data.lines)
  if (cid.toString() !== name) throw badPackage('another statement')
  return { detail: `${value.sessions} sessions, signed by both sides`, status: 'ok' }
}

/** Where a provider was, on the word of an attestor. */
export function checkAttestation(
  bytes: Uint8Array,
  { trust }: PackageContext,
  name: string,
): FileCheck {
  const signed = decodeSignedRecord(bytes)
  const { cid, value } = openSigned(trust, regionAttestation, signed, attestationSigners)
  if (cid.toString() !== name) throw badPackage('another attestation')
  const { subject, country, issuer } = value
  const detail = `evidence that ${subject} was in ${country}, by attestor ${issuer}`
  const trusted = trust.attestors?.includes(issuer) === true
  return trusted
    ? { detail, status: 'ok' }
    : { detail: `${detail}, which you have not said to trust`, status: 'unproved' }
}
