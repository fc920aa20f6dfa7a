import {
  CHALLENGE_BYTES,
  decodeCanonical,
  encodeCanonical,
  HanseError,
  type SignedRecord,
  signedFields,
  signedRecordSchema,
} from '@hanse/protocol'
import { z } from 'zod'

export const LANDMARK_PROTOCOL = '/hanse/landmark/1.0.0'

export const NONCE_BYTES = 16
/** In a series. The first warms both ends up; of eight, one seldom misses an empty queue. */
export const ROUNDS = 8
/** A record of three fields and its signature. */
const MESSAGE_BYTES_MAX = 1024

const bytes = (length: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.byteLength === length)

const requestSchema = z.strictObject({ nonce: bytes(NONCE_BYTES) })

export const encodeRequest = (nonce: Uint8Array): Uint8Array => encodeCanonical({ nonce })

/** @throws {HanseError} HANSE_FRAME_MALFORMED */
export function decodeRequest(frame: Uint8Array): Uint8Array {
  return parsed(requestSchema, frame).nonce
}

/** @throws {HanseError} HANSE_FRAME_MALFORMED */
export function decodeChallenge(frame: Uint8Array): Uint8Array {
  if (frame.byteLength === CHALLENGE_BYTES) return frame
  throw malformed()
}

export const encodeSigned = (signed: SignedRecord): Uint8Array =>
  encodeCanonical(signedFields(signed))

/** @throws {HanseError} HANSE_FRAME_MALFORMED */
export const decodeSigned = (frame: Uint8Array): SignedRecord => parsed(signedRecordSchema, frame)

function parsed<Value>(schema: z.ZodType<Value>, frame: Uint8Array): Value {
  const result = schema.safeParse(decodeCanonical(frame, MESSAGE_BYTES_MAX))
  if (result.success) return result.data
  throw malformed()
}

const malformed = () => new HanseError('HANSE_FRAME_MALFORMED', 'not a message of a measurement')
