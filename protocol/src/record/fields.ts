import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import { isPeerId, type PeerId } from '../identity/peer-id.ts'
import { type PicoEuro, picoEuro } from '../money.ts'
import { isCountryCode } from '../region/countries.ts'
import { isRecordCid } from '../wire.ts'

/** Canonical CBOR integers end at 64 bits; 9.2 million euro in one record is more than any session costs. */
export const AMOUNT_MAX = 2n ** 63n - 1n
/** Tokens, sequence numbers: what an unsigned 64-bit counter holds. */
const COUNTER_MAX = 2n ** 63n - 1n

const unsigned = (max: bigint) =>
  z
    .union([z.bigint(), z.int()])
    .transform(BigInt)
    .refine((value) => value >= 0n && value <= max, { error: 'out of range' })

/** Pico-euro. */
export const amount = unsigned(AMOUNT_MAX).transform((value): PicoEuro => picoEuro(value))
export const counter = unsigned(COUNTER_MAX)
/** Milliseconds since 1970, UTC. */
export const timestamp = z.int().min(0).max(8.64e15)
export const durationMs = z.int().min(0).max(86_400_000)
export const smallInt = (max: number) => z.int().min(0).max(max)
export const text = (max: number) => z.string().max(max)
export const word = (max: number) => z.string().min(1).max(max)
export const bytes = (length: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.byteLength === length, {
    error: `not ${length} bytes`,
  })
export const bytesUpTo = (max: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.byteLength <= max, {
    error: `not bytes, or more than ${max}`,
  })
export const cid = z.custom<CID>((value) => isRecordCid(value), {
  error: 'not the CID of a record',
})
export const peerId = z.custom<PeerId>((value) => typeof value === 'string' && isPeerId(value), {
  error: 'not an Ed25519 peer id',
})
export const country = z.string().refine(isCountryCode, { error: 'not an ISO 3166-1 alpha-2 code' })
/** A country, or one of the groups EU and EEA. */
export const region = z
  .string()
  .refine((value) => value === 'EU' || value === 'EEA' || isCountryCode(value), {
    error: 'not a region',
  })
export const MODEL_ID_BYTES_MAX = 128
/** Lower-case `publisher/name[:quantization]`. */
export const MODEL_ID_PATTERN =
  /^[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*)+(?::[a-z0-9][a-z0-9._-]*)?$/u
export const modelId = z.string().max(MODEL_ID_BYTES_MAX).regex(MODEL_ID_PATTERN, {
  error: 'not publisher/name[:quantization] in lower case',
})
