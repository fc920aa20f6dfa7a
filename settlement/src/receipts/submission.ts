import {
  decodeCanonical,
  encodeCanonical,
  HanseError,
  RECORD_BYTES_MAX,
  type SignedRecord,
  signedFields,
  signedRecordSchema,
} from '@hanse/protocol'
import { z } from 'zod'

/** A doubly-signed receipt with the records that it rests on. */
export interface Submission {
  readonly order: SignedRecord
  readonly acceptance: SignedRecord
  /** Null for zero-price sessions, and where settlement knows it anyway: it issued it. */
  readonly authorization: SignedRecord | null
  readonly attestation: SignedRecord | null
  readonly receipt: SignedRecord
}

/** Items in one batch: about a tenth of a second of signature checks on one core, and one transaction. */
export const SUBMISSIONS_MAX = 500
/** Room for 500 items of the size that ours have (about 2.5 KiB), several times over. */
export const SUBMISSION_BYTES_MAX = 4 << 20
/** Values and keys of one item: it has 101 where each of its five records is signed twice. */
const SUBMISSION_NODES_MAX = 128

const submissionSchema = z.strictObject({
  order: signedRecordSchema,
  acceptance: signedRecordSchema,
  authorization: signedRecordSchema.nullable(),
  attestation: signedRecordSchema.nullable(),
  receipt: signedRecordSchema,
})

const bodySchema = z.strictObject({ items: z.array(z.unknown()).max(SUBMISSIONS_MAX) })

/**
 * Reads a batch. An item that is no submission is a fault of that item alone, so it comes back as an error in its place.
 *
 * @throws {HanseError} HANSE_RECORD_*, HANSE_REQUEST_INVALID when it is no batch, or too long
 */
export function readSubmissions(bytes: Uint8Array): (Submission | HanseError)[] {
  const decoded = decodeCanonical(
    bytes,
    SUBMISSION_BYTES_MAX,
    SUBMISSIONS_MAX * SUBMISSION_NODES_MAX,
  )
  const body = bodySchema.safeParse(decoded)
  if (!body.success) {
    throw new HanseError('HANSE_REQUEST_INVALID', `send {items: [...]}, at most ${SUBMISSIONS_MAX}`)
  }
  return body.data.items.map((item) => {
    const parsed = submissionSchema.safeParse(item)
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]
    return new HanseError(
      'HANSE_RECORD_FIELDS',
      `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
    )
  })
}

/** The body of `POST /v1/receipts`. */
export function writeSubmissions(submissions: readonly Submission[]): Uint8Array {
  return encodeCanonical({
    items: submissions.map(({ order, acceptance, authorization, attestation, receipt }) => ({
      order: signedFields(order),
      acceptance: signedFields(acceptance),
      authorization: authorization && signedFields(authorization),
      attestation: attestation && signedFields(attestation),
      receipt: signedFields(receipt),
    })),
  })
}

/** A signed record as bytes: what is stored. */
export const encodeSigned = (signed: SignedRecord): Uint8Array =>
  encodeCanonical(signedFields(signed))

/** What `encodeSigned` made. */
export const decodeSigned = (stored: Uint8Array): SignedRecord =>
  // Twice the largest record: the signatures are beside it.
  signedRecordSchema.parse(decodeCanonical(stored, 2 * RECORD_BYTES_MAX))
