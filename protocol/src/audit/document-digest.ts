import { bytes, timestamp, word } from '../record/fields.ts'
import { defineRecord, type Named, named } from '../record/record.ts'

/**
 * That a document (an invoice, a credit note, a statement) was issued with exactly these words. Not signed: the log has it, and
 * whoever holds the document makes it again.
 */
export const documentDigest = defineRecord('hanse.document-digest.v1', {
  number: word(40),
  /** SHA-256 of the document's canonical JSON, as the service gives it. */
  sha256: bytes(32),
  /** When it was issued. */
  at: timestamp,
})
export type DocumentDigest = ReturnType<typeof documentDigest.decode>

/** With the CID under which a log proves it. @throws {HanseError} HANSE_RECORD_FIELDS */
export const digestOfDocument = (digest: DocumentDigest): Named<DocumentDigest> =>
  named(documentDigest, documentDigest.encode(digest))
