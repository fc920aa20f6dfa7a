import { z } from 'zod'
import { type ErrorCode, isErrorCode } from '../errors.ts'
import { bytes, bytesUpTo, counter } from '../record/fields.ts'
import { signedRecordSchema } from '../record/signed.ts'
import { decodeFrame } from '../session/frames.ts'
import { encodeCanonical } from '../wire.ts'
import { LINE_BYTES_MAX } from './line.ts'
import { STATEMENT_SESSIONS_MAX } from './statement.ts'

/** The provider opens a stream to the consumer: one proposal, one answer. */
export const STATEMENT_PROTOCOL = '/hanse/statement/1.0.0'

const proposeFrame = z.strictObject({
  t: z.literal('propose'),
  /** Signed by the provider alone. */
  statement: signedRecordSchema,
  lines: z.array(bytesUpTo(LINE_BYTES_MAX)).min(1).max(STATEMENT_SESSIONS_MAX),
})
export type ProposeFrame = z.output<typeof proposeFrame>

const answerFrame = z.discriminatedUnion('t', [
  z.strictObject({ t: z.literal('countersign'), sequence: counter, signature: bytes(64) }),
  z.strictObject({
    t: z.literal('refuse'),
    sequence: counter,
    code: z.custom<ErrorCode>(isErrorCode),
  }),
])
export type StatementAnswer = z.output<typeof answerFrame>

export const encodeStatementFrame = (frame: ProposeFrame | StatementAnswer): Uint8Array =>
  encodeCanonical(frame)

/** @throws {HanseError} HANSE_FRAME_MALFORMED, HANSE_FRAME_TOO_LARGE */
export const decodeProposal = (frame: Uint8Array): ProposeFrame => decodeFrame(proposeFrame, frame)

/** @throws {HanseError} HANSE_FRAME_MALFORMED, HANSE_FRAME_TOO_LARGE */
export const decodeStatementAnswer = (frame: Uint8Array): StatementAnswer =>
  decodeFrame(answerFrame, frame)
