import { decodeCanonical, encodeCanonical } from '@hanse/protocol'
import { z } from 'zod'

export const DIAL_BACK_PROTOCOL = '/hanse/dial-back/1.0.0'

/** Half of what an offer lists: a node has few addresses that can be told apart from outside. */
export const DIAL_BACK_ADDRESSES_MAX = 8
const ADDRESS_CHARS_MAX = 256
/** Eight addresses with what became of them, several times over. */
const MESSAGE_BYTES_MAX = 8 * 1024

/** Why an address did not answer. */
export const DIAL_FAULTS = [
  'malformed',
  'not-allowed',
  'refused',
  'timeout',
  'wrong-peer',
  'rate-limited',
  'failed',
] as const
export type DialFault = (typeof DIAL_FAULTS)[number]

const address = z.string().max(ADDRESS_CHARS_MAX)

const requestSchema = z.strictObject({
  addresses: z.array(address).min(1).max(DIAL_BACK_ADDRESSES_MAX),
})

const greetingSchema = z.strictObject({
  /** The asked peer's clock, milliseconds since 1970. */
  time: z.int().nonnegative(),
  /** Where it sees the asking peer. */
  observed: address,
})

const resultSchema = z.strictObject({
  address,
  ok: z.boolean(),
  /** How long the dial took. */
  ms: z.int().nonnegative(),
  fault: z.enum(DIAL_FAULTS).nullable(),
})

const answerSchema = z.strictObject({
  results: z.array(resultSchema).max(DIAL_BACK_ADDRESSES_MAX),
})

export type Greeting = z.infer<typeof greetingSchema>
export type DialResult = z.infer<typeof resultSchema>

export const encodeRequest = (addresses: readonly string[]): Uint8Array =>
  encodeCanonical({ addresses: addresses.slice(0, DIAL_BACK_ADDRESSES_MAX) })

export const encodeGreeting = (greeting: Greeting): Uint8Array => encodeCanonical(greeting)

export const encodeAnswer = (results: readonly DialResult[]): Uint8Array =>
  encodeCanonical({ results: [...results] })

/** @throws for anything else */
export const decodeRequest = (bytes: Uint8Array): readonly string[] =>
  requestSchema.parse(decodeCanonical(bytes, MESSAGE_BYTES_MAX)).addresses

/** @throws for anything else */
export const decodeGreeting = (bytes: Uint8Array): Greeting =>
  greetingSchema.parse(decodeCanonical(bytes, MESSAGE_BYTES_MAX))

/** @throws for anything else */
export const decodeAnswer = (bytes: Uint8Array): readonly DialResult[] =>
  answerSchema.parse(decodeCanonical(bytes, MESSAGE_BYTES_MAX)).results
