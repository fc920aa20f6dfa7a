import { z } from 'zod'
import { HanseError } from '../errors.ts'
import { bytesUpTo, durationMs } from '../record/fields.ts'
import { RECORD_BYTES_MAX } from '../record/record.ts'
import { decodeCanonical, encodeCanonical } from '../wire.ts'

/** Sessions in one request: a second of a busy gateway, and one statement of the database. */
export const SESSION_NOTES_MAX = 200
/** Sixteen that a request names, the gateway's key, and those that team, feature and prompt version become. */
export const NOTE_TAGS_MAX = 24
export const NOTE_TEXT_CHARS_MAX = 128
/** Before the name of the gateway's key that a session was on, as a tag: the gateway's own, which no client gives. */
export const GATEWAY_KEY_TAG = 'gateway-key:'
/** Of a batch: 200 notes with 24 tags and a receipt each. */
export const SESSION_NOTES_BYTES_MAX = 2 << 20
const NODES_MAX = SESSION_NOTES_MAX * (NOTE_TAGS_MAX + 16) + 8
/** The CID of a record, as text. */
const CID_CHARS_MAX = 128

/**
 * What a consumer's node says of a session of its own to its own settlement, and to nobody else: whom it was for, and how
 * long it took. Nothing of it is in a record that a provider sees, and no words of a prompt are in it.
 */
export interface SessionNote {
  /** CID of the order. */
  readonly session: string
  /** Each once. */
  readonly tags: readonly string[]
  /** Whom the client asked for, where the gateway tells that. */
  readonly user: string | null
  /** From the order to the first token and to the end, by the consumer's clock, milliseconds; null where it is not known. */
  readonly firstMs: number | null
  readonly totalMs: number | null
  /** The last receipt's own bytes, of a session that was settled by a Statement, which names it and holds no time. */
  readonly receipt: Uint8Array | null
}

/** One line, without control characters: it is shown in tables. */
export const noteText = z
  .string()
  .min(1)
  .max(NOTE_TEXT_CHARS_MAX)
  .regex(/^\P{Cc}+$/u)

const note = z.strictObject({
  session: z.string().min(1).max(CID_CHARS_MAX),
  tags: z.array(noteText).max(NOTE_TAGS_MAX),
  user: noteText.nullable(),
  firstMs: durationMs.nullable(),
  totalMs: durationMs.nullable(),
  receipt: bytesUpTo(RECORD_BYTES_MAX).nullable(),
})

const batch = z.strictObject({ notes: z.array(note).min(1).max(SESSION_NOTES_MAX) })

/** The body of `POST /v1/session-notes`. */
export function encodeSessionNotes(notes: readonly SessionNote[]): Uint8Array {
  const fields = notes.map(({ session, tags, user, firstMs, totalMs, receipt }) => {
    return { session, tags: [...tags], user, firstMs, totalMs, receipt }
  })
  return encodeCanonical({ notes: fields })
}

/** @throws {HanseError} HANSE_RECORD_* for other bytes, HANSE_REQUEST_INVALID for what is no batch of notes */
export function decodeSessionNotes(bytes: Uint8Array): SessionNote[] {
  const read = batch.safeParse(decodeCanonical(bytes, SESSION_NOTES_BYTES_MAX, NODES_MAX))
  if (read.success) return read.data.notes
  const issue = read.error.issues[0]
  throw new HanseError(
    'HANSE_REQUEST_INVALID',
    `send {notes: [...]}, 1 to ${SESSION_NOTES_MAX}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
  )
}
