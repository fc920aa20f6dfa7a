import { z } from 'zod'
import { type ErrorCode, HanseError, isErrorCode } from '../errors.ts'
import { SESSION_SECRET_BYTES } from '../receipt/commitment.ts'
import { bytes, bytesUpTo, counter, smallInt } from '../record/fields.ts'
import { RECORD_BYTES_MAX } from '../record/record.ts'
import { signedRecordSchema } from '../record/signed.ts'
import { decodeCanonical, encodeCanonical } from '../wire.ts'
import { decodeDelta, encodeDelta } from './delta-frame.ts'

export const SESSION_PROTOCOL = '/hanse/session/1.0.0'
export const OFFER_PROTOCOL = '/hanse/offer/1.0.0'

/** Largest frame on the wire. */
export const FRAME_BYTES_MAX = 1 << 20
/** Of a prompt in one frame: leaves room for the frame around it. */
export const PROMPT_PART_BYTES_MAX = 512 * 1024
/** Of one payload in a Delta: the engine's chunk. Leaves room for the frame around it. */
export const DELTA_PAYLOAD_BYTES_MAX = 1_000_000
/** Items in one Delta frame; each costs the reader two hashes, however small it is. */
export const DELTA_ITEMS_MAX = 1024
/** Tokens that one item may count. */
const DELTA_TOKENS_MAX = 1_000_000
/** Prompt frames in one session; whole ones need 32 for the largest prompt. */
export const PROMPT_PARTS_MAX = 1024
/** A request body, as large as OpenAI-compatible servers commonly take them with images inline. */
export const PROMPT_BYTES_MAX = 16 << 20

/** W3C Trace Context, version 00: trace id, parent id, flags. */
export const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/u

const orderFrame = z.strictObject({
  t: z.literal('order'),
  order: signedRecordSchema,
  authorization: signedRecordSchema.nullable(),
  secret: bytes(SESSION_SECRET_BYTES),
  /** What the consumer's own traces call this request (W3C Trace Context), if it tells. In no record. */
  trace: z.string().regex(TRACEPARENT).nullable(),
})
const promptFrame = z.strictObject({
  t: z.literal('prompt'),
  part: bytesUpTo(PROMPT_PART_BYTES_MAX),
  last: z.boolean(),
})
const countersignFrame = z.strictObject({
  t: z.literal('countersign'),
  sequence: counter,
  signature: bytes(64),
})
const refuseFrame = z.strictObject({
  t: z.literal('refuse'),
  sequence: counter,
  code: z.custom<ErrorCode>(isErrorCode),
})
const cancelFrame = z.strictObject({ t: z.literal('cancel') })

const consumerFrame = z.discriminatedUnion('t', [
  orderFrame,
  promptFrame,
  countersignFrame,
  refuseFrame,
  cancelFrame,
])
/** What a consumer sends. */
export type ConsumerFrame = z.output<typeof consumerFrame>

const acceptFrame = z.strictObject({ t: z.literal('accept'), acceptance: signedRecordSchema })
const quoteFrame = z.strictObject({ t: z.literal('quote'), quote: signedRecordSchema })
const rejectFrame = z.strictObject({ t: z.literal('reject'), rejection: signedRecordSchema })
const deltaFrame = z.strictObject({
  t: z.literal('delta'),
  /** Number of the first item, counted from 0 over the session. */
  first: counter,
  /** Tokens, and the engine's own OpenAI chunk, byte for byte. */
  items: z
    .array(z.tuple([smallInt(DELTA_TOKENS_MAX), bytesUpTo(DELTA_PAYLOAD_BYTES_MAX)]))
    .min(1)
    .max(DELTA_ITEMS_MAX),
})
const receiptFrame = z.strictObject({
  t: z.literal('receipt'),
  bytes: bytesUpTo(RECORD_BYTES_MAX),
  signature: bytes(64),
})

/** Any frame of a provider, as the general decoder checks it. */
export const providerFrame = z.discriminatedUnion('t', [
  acceptFrame,
  quoteFrame,
  rejectFrame,
  deltaFrame,
  receiptFrame,
])
/** What a provider sends. */
export type ProviderFrame = z.output<typeof providerFrame>

export function encodeFrame(frame: ConsumerFrame | ProviderFrame): Uint8Array {
  const delta = frame.t === 'delta' ? encodeDelta(frame.first, frame.items) : undefined
  return delta ?? encodeCanonical(frame)
}

/** @throws {HanseError} HANSE_FRAME_MALFORMED, HANSE_FRAME_TOO_LARGE */
export function decodeConsumerFrame(bytes: Uint8Array): ConsumerFrame {
  return decodeFrame(consumerFrame, bytes)
}

/**
 * The payloads of a delta frame may be views into `bytes`.
 *
 * @throws {HanseError} HANSE_FRAME_MALFORMED, HANSE_FRAME_TOO_LARGE
 */
export function decodeProviderFrame(bytes: Uint8Array): ProviderFrame {
  return decodeDelta(bytes, DELTA_LIMITS) ?? decodeFrame(providerFrame, bytes)
}

const DELTA_LIMITS = {
  frameBytesMax: FRAME_BYTES_MAX,
  itemsMax: DELTA_ITEMS_MAX,
  tokensMax: DELTA_TOKENS_MAX,
  payloadBytesMax: DELTA_PAYLOAD_BYTES_MAX,
}

/** Splits a request body into prompt frames. */
export function promptFrames(body: Uint8Array): ConsumerFrame[] {
  const frames: ConsumerFrame[] = []
  for (let at = 0; at === 0 || at < body.byteLength; at += PROMPT_PART_BYTES_MAX) {
    const end = Math.min(at + PROMPT_PART_BYTES_MAX, body.byteLength)
    frames.push({ t: 'prompt', part: body.subarray(at, end), last: end === body.byteLength })
  }
  return frames
}

/** Splits items into delta frames that fit on the wire, numbered from `first`. */
export function deltaFrames(
  first: bigint,
  items: readonly (readonly [tokens: number, payload: Uint8Array])[],
): ProviderFrame[] {
  const frames: Extract<ProviderFrame, { t: 'delta' }>[] = []
  let last: Extract<ProviderFrame, { t: 'delta' }> | undefined
  let size = 0
  let at = first
  for (const [tokens, payload] of items) {
    size += payload.byteLength + DELTA_ITEM_OVERHEAD
    if (last === undefined || last.items.length >= DELTA_ITEMS_MAX || size > DELTA_BYTES_MAX) {
      last = { t: 'delta', first: at, items: [] }
      frames.push(last)
      size = payload.byteLength + DELTA_ITEM_OVERHEAD
    }
    last.items.push([tokens, payload])
    at += 1n
  }
  return frames
}

/** CBOR heads of one item: the pair, its tokens, the length of its bytes. */
const DELTA_ITEM_OVERHEAD = 16
/** Of all items of a frame; what remains is for the frame around them. */
const DELTA_BYTES_MAX = FRAME_BYTES_MAX - 1024

/** @throws {HanseError} HANSE_FRAME_MALFORMED, HANSE_FRAME_TOO_LARGE */
export function decodeFrame<Frame>(schema: z.ZodType<Frame>, bytes: Uint8Array): Frame {
  if (bytes.byteLength > FRAME_BYTES_MAX) {
    throw new HanseError('HANSE_FRAME_TOO_LARGE', `frame of ${bytes.byteLength} bytes`)
  }
  let decoded: unknown
  try {
    decoded = decodeCanonical(bytes, FRAME_BYTES_MAX)
  } catch (cause) {
    throw new HanseError('HANSE_FRAME_MALFORMED', 'not canonical DAG-CBOR', { cause })
  }
  const result = schema.safeParse(decoded)
  if (!result.success) {
    const issue = result.error.issues[0]
    throw new HanseError('HANSE_FRAME_MALFORMED', `${issue?.path.join('.')}: ${issue?.message}`)
  }
  return result.data
}
