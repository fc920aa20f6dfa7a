import {
  decodeCanonical,
  encodeCanonical,
  HanseError,
  LINE_BYTES_MAX,
  STATEMENT_SESSIONS_MAX,
  signedFields,
  signedRecordSchema,
} from '@hanse/protocol'
import { z } from 'zod'
import type { StatementSubmission } from './verify-statement.ts'

/** Statements in one batch: some minutes of a lane that was cut off, and half a second of hashing at most. */
export const STATEMENTS_MAX = 20
/** Room for 20 statements of a thousand lines, each at its longest with its length before it. */
export const STATEMENTS_BYTES_MAX =
  STATEMENTS_MAX * (STATEMENT_SESSIONS_MAX * (LINE_BYTES_MAX + 3) + 4096)
/** Values and keys of one item: it has 23 beside its lines where the Statement is signed twice. */
const STATEMENT_NODES_MAX = STATEMENT_SESSIONS_MAX + 64

/** The lines of the largest statement, each with its length before it. */
export const LINES_BYTES_MAX = STATEMENT_SESSIONS_MAX * (LINE_BYTES_MAX + 3) + 3

const statementSchema = z.strictObject({
  statement: signedRecordSchema,
  lines: z
    .array(
      z.custom<Uint8Array>(
        (value) => value instanceof Uint8Array && value.byteLength <= LINE_BYTES_MAX,
        { error: `not bytes, or more than ${LINE_BYTES_MAX}` },
      ),
    )
    .min(1)
    .max(STATEMENT_SESSIONS_MAX),
})

const bodySchema = z.strictObject({ items: z.array(z.unknown()).max(STATEMENTS_MAX) })

/**
 * Reads a batch. An item that is no statement is a fault of that item alone, so it comes back as an error in its place.
 *
 * @throws {HanseError} HANSE_RECORD_*, HANSE_REQUEST_INVALID when it is no batch, or too long
 */
export function readStatements(bytes: Uint8Array): (StatementSubmission | HanseError)[] {
  const decoded = decodeCanonical(bytes, STATEMENTS_BYTES_MAX, STATEMENTS_MAX * STATEMENT_NODES_MAX)
  const body = bodySchema.safeParse(decoded)
  if (!body.success) {
    throw new HanseError('HANSE_REQUEST_INVALID', `send {items: [...]}, at most ${STATEMENTS_MAX}`)
  }
  return body.data.items.map((item) => {
    const parsed = statementSchema.safeParse(item)
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]
    return new HanseError(
      'HANSE_RECORD_FIELDS',
      `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
    )
  })
}

/** The body of `POST /v1/statements`. */
export function writeStatements(statements: readonly StatementSubmission[]): Uint8Array {
  return encodeCanonical({
    items: statements.map(({ statement, lines }) => ({
      statement: signedFields(statement),
      lines: [...lines],
    })),
  })
}
