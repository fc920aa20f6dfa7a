import { CID } from 'multiformats/cid'
import { z } from 'zod'
import { HanseError } from '../errors.ts'
import { leafCommitment } from '../log/leaf-commitment.ts'
import { bytesUpTo, cid, timestamp } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'
import { isRecordCid } from '../wire.ts'

/** What a transparency log tells of. */
export const LOG_EVENT_KINDS = [
  /** A session is booked by its last receipt. */
  'receipt-settled',
  /** The sessions of a statement are booked. */
  'statement-settled',
  'attestation-issued',
  'attestation-revoked',
  /** Money has left for a provider's account. */
  'payout',
  /** A session was not paid, since its provider is outside the order's region. */
  'policy-violation',
  /** The key of a subject was destroyed: what was sealed with it cannot be read any more. */
  'erasure',
  /** The log is signed with a new key from here on. */
  'key-rotation',
  /** Money was set aside for sessions with a provider: who asked for it, by which key. */
  'authorization-issued',
  /** It was not: the policy, a budget or the balance said no. */
  'authorization-refused',
  /** Another usage policy counts from here on, or none. */
  'policy-changed',
  /** Why personal data may be processed was stated, for a purpose. */
  'consent-given',
  'consent-withdrawn',
  /** A subject asked for a right of theirs, or what was asked has moved on. */
  'rights-request',
  /** A node was asked to erase what it has of who was erased, has answered, or has let the time pass. */
  'deletion',
  /** Data that was kept long enough was removed. */
  'retention',
  /** A breach of personal data was recorded, or what is known of it has changed. */
  'breach',
  /** Somebody looked into the events of this log. */
  'log-read',
  /** An invoice, a credit note or a statement was issued with exactly these words: see `documentDigest`. */
  'document-issued',
  /** One of who was erased was opened, for a duty: which one, for what, by whom. */
  'document-opened',
] as const
export type LogEventKind = (typeof LOG_EVENT_KINDS)[number]

/** Some hundred bytes of facts about one thing, sealed; a list of countries makes them longer. */
const SEALED_BYTES_MAX = 2048
const SUBJECT_BYTES_MAX = 32

export const LOG_EVENT_BYTES_MAX = 3072

/** One event: the log holds only a salted commitment to it. */
export const logEvent = defineRecord(
  'hanse.log-event.v1',
  {
    kind: z.enum(LOG_EVENT_KINDS),
    at: timestamp,
    /** What it is about: a receipt, a statement, an attestation, the key of the log. */
    record: cid.nullable(),
    /** Personal data, sealed with the subject's key: see `sealPersonal`. */
    sealed: bytesUpTo(SEALED_BYTES_MAX).nullable(),
    /** Whose key that is. Means nothing outside the log that gave it. */
    subject: bytesUpTo(SUBJECT_BYTES_MAX).nullable(),
  },
  { bytesMax: LOG_EVENT_BYTES_MAX },
)
export type LogEvent = ReturnType<typeof logEvent.decode>

/** The name of a record from its text. @throws {HanseError} HANSE_RECORD_FIELDS */
export function parseRecordCid(text: string): CID {
  try {
    const parsed = CID.parse(text)
    if (isRecordCid(parsed)) return parsed
  } catch {
    // Told below.
  }
  throw new HanseError('HANSE_RECORD_FIELDS', `not the CID of a record: ${text.slice(0, 80)}`)
}

/** What the log has as its entry for an event. @throws {RangeError} when the salt is not 32 bytes */
export const entryOfEvent = (salt: Uint8Array, event: Uint8Array): Uint8Array =>
  leafCommitment(salt, event)
