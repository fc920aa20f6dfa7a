import { LEAF_SALT_BYTES } from '../../log/leaf-commitment.ts'
import { bytes, bytesUpTo, word } from '../../record/fields.ts'
import { defineRecord } from '../../record/record.ts'

/** The largest event of either log. */
const BODY_BYTES_MAX = 4096
/** A checkpoint with the cosignatures of some dozen witnesses, after the hashes. */
const PROOF_TEXT_MAX = 16_384

/**
 * One event of a log, and what proves it: not signed, since all of it is proved by what it holds. The log's entry is the
 * salted commitment to the body.
 */
export const auditEntry = defineRecord(
  'hanse.audit-entry.v1',
  {
    body: bytesUpTo(BODY_BYTES_MAX),
    salt: bytes(LEAF_SALT_BYTES),
    /** C2SP tlog-proof of the entry, with its signed checkpoint. */
    proof: word(PROOF_TEXT_MAX),
  },
  { bytesMax: 24_576 },
)
export type AuditEntry = ReturnType<typeof auditEntry.decode>
