import { z } from 'zod'
import { DIAL_BACK_ADDRESSES_MAX, DIAL_FAULTS } from '../network/dial-back-messages.ts'
import type { ReachabilityReport } from '../network/reachability.ts'
import { maybe, TEXT_MAX } from './status-schema.ts'

/** A daemon asks three peers; more than a hundred would be no sample. */
const PEERS_MAX = 100
/** As many as a status may tell. */
const ADDRESSES_MAX = 1_000

const text = z.string().max(TEXT_MAX)
const count = z.number().int().nonnegative()

const result = z.object({
  address: text,
  ok: z.boolean(),
  ms: count,
  fault: z.enum(DIAL_FAULTS).nullable(),
})

const peer = z.object({
  peerId: text,
  observed: maybe(text),
  clockOffsetMs: maybe(z.number()),
  results: z.array(result).max(DIAL_BACK_ADDRESSES_MAX),
  fault: maybe(text),
})

/** What peers said, as it travels: `undefined` as null. */
export const reachabilitySchema = z.object({
  reachability: z.enum(['direct', 'relayed', 'unreachable', 'unknown']),
  addresses: z.array(text).max(ADDRESSES_MAX),
  peers: z.array(peer).max(PEERS_MAX),
  clockOffsetMs: maybe(z.number()),
}) satisfies z.ZodType<ReachabilityReport>
