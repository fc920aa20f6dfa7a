import { type ErrorCode, HanseError, isErrorCode } from '@hanse/protocol'
import { z } from 'zod'
import type { ReachabilityReport } from '../network/reachability.ts'
import type { ProviderStatus } from '../provider/status.ts'
import { batchesOf, toJson } from './batches.ts'
import { type GatewayValues, gatewayRequests, gatewayValues } from './gateway-messages.ts'
import { reachabilitySchema } from './reachability-schema.ts'
import { SESSIONS_MAX, statusSchema, TEXT_MAX } from './status-schema.ts'

/** The libp2p protocol; over a local socket the same frames are spoken. */
export const CONTROL_PROTOCOL = '/hanse/control/1.0.0'

const VERSION = 1

/** A key has up to 64 patterns of 128 characters; all other requests have a method and two numbers. */
export const REQUEST_BYTES_MAX = 64 * 1024
/** What a frame of the network may hold; a status of a thousand sessions has about 400 KiB. */
export const ANSWER_BYTES_MAX = 1 << 20
/** What is told in many answers comes in such parts. */
export const BATCH_BYTES_MAX = ANSWER_BYTES_MAX / 2

/** As many lines as a screen of an editor shows at once a hundred times. */
export const LOG_LINES_MAX = 10_000
/** Lines are cut to this; a frame holds as many as fit. */
const LINE_CHARS_MAX = 32 * 1024
/** More often than four times a second no dashboard needs. */
const WATCH_MS_MIN = 250
const WATCH_MS_MAX = 60_000

const request = z.discriminatedUnion('method', [
  z.object({ method: z.literal('ping') }),
  z.object({ method: z.literal('status') }),
  z.object({ method: z.literal('reachability') }),
  z.object({
    method: z.literal('watch'),
    everyMs: z.number().int().min(WATCH_MS_MIN).max(WATCH_MS_MAX),
  }),
  z.object({ method: z.literal('pause') }),
  z.object({ method: z.literal('resume') }),
  z.object({ method: z.literal('drain') }),
  z.object({
    method: z.literal('logs'),
    lines: z.number().int().min(0).max(LOG_LINES_MAX),
    follow: z.boolean(),
  }),
  ...gatewayRequests,
])

export type ControlRequest = z.infer<typeof request>
export type ControlMethod = ControlRequest['method']

export interface Ping {
  readonly peerId: string
  readonly version: string
}

export interface LogLines {
  readonly lines: readonly string[]
  /** Lines that came faster than they could be sent. */
  readonly dropped: number
}

/** What a method answers; `watch`, `logs` and `keys` do so many times. */
export interface ControlValues extends GatewayValues {
  readonly ping: Ping
  readonly status: ProviderStatus
  readonly reachability: ReachabilityReport
  readonly watch: ProviderStatus
  readonly pause: null
  readonly resume: null
  readonly drain: null
  readonly logs: LogLines
}

const nothing = z.null()
const values = {
  ping: z.object({ peerId: z.string().max(TEXT_MAX), version: z.string().max(TEXT_MAX) }),
  status: statusSchema,
  reachability: reachabilitySchema,
  watch: statusSchema,
  pause: nothing,
  resume: nothing,
  drain: nothing,
  logs: z.object({
    lines: z.array(z.string().max(LINE_CHARS_MAX)).max(LOG_LINES_MAX),
    dropped: z.number().int().nonnegative(),
  }),
  ...gatewayValues,
} satisfies { [Method in ControlMethod]: z.ZodType<ControlValues[Method]> }

const answer = z.discriminatedUnion('t', [
  z.object({ t: z.literal('value'), value: z.unknown() }),
  z.object({ t: z.literal('end') }),
  z.object({ t: z.literal('fault'), code: z.string().max(64), message: z.string().max(TEXT_MAX) }),
])

export function encodeRequest(asked: ControlRequest): Uint8Array {
  return toBytes({ v: VERSION, ...asked })
}

/** @throws {HanseError} HANSE_REQUEST_INVALID for what is no request of this version */
export function decodeRequest(bytes: Uint8Array): ControlRequest {
  if (bytes.byteLength > REQUEST_BYTES_MAX) throw invalid(`a request of ${bytes.byteLength} bytes`)
  const json = z.looseObject({ v: z.number(), method: z.string() }).safeParse(fromBytes(bytes))
  if (!json.success) throw invalid('a request is a JSON object with v and method')
  if (json.data.v !== VERSION) throw invalid(`v must be ${VERSION}: one side is of another release`)
  const parsed = request.safeParse(json.data)
  if (parsed.success) return parsed.data
  const known = request.options.map((option) => option.shape.method.value)
  const { method } = json.data
  if (!known.some((name) => name === method))
    throw invalid(`method must be one of ${known.join(', ')}`)
  throw invalid(`${method}: ${z.prettifyError(parsed.error).slice(0, 500)}`)
}

/** One value of a method. @throws {HanseError} HANSE_FRAME_TOO_LARGE */
export function encodeValue<Method extends ControlMethod>(
  _method: Method,
  value: ControlValues[Method],
): Uint8Array {
  const bytes = toBytes({ t: 'value', value })
  if (bytes.byteLength > ANSWER_BYTES_MAX)
    throw new HanseError('HANSE_FRAME_TOO_LARGE', `an answer of ${bytes.byteLength} bytes`)
  return bytes
}

/** A status with no more sessions and longer texts than an answer may have. */
export function shortStatus(status: ProviderStatus): ProviderStatus {
  return cutTexts({ ...status, sessions: status.sessions.slice(0, SESSIONS_MAX) }) as ProviderStatus
}

/** A report with no longer texts than an answer may have. */
export function shortReport(report: ReachabilityReport): ReachabilityReport {
  return cutTexts(report) as ReachabilityReport
}

/** Log lines as answers that each fit in a frame. */
export function* logAnswers(lines: readonly string[], dropped = 0): Generator<LogLines> {
  const cut = lines.map((line) => line.slice(0, LINE_CHARS_MAX))
  for (const part of batchesOf(cut, BATCH_BYTES_MAX)) yield { lines: part, dropped: 0 }
  if (dropped > 0) yield { lines: [], dropped }
}

export const endFrame = (): Uint8Array => toBytes({ t: 'end' })

export function faultFrame({ code, message }: HanseError): Uint8Array {
  return toBytes({ t: 'fault', code, message: message.slice(0, TEXT_MAX) })
}

/**
 * A value of `method`; `undefined` when there are no more.
 *
 * @throws {HanseError} the fault that was answered; HANSE_FRAME_MALFORMED for what is no answer
 */
export function decodeAnswer<Method extends ControlMethod>(
  method: Method,
  bytes: Uint8Array,
): ControlValues[Method] | undefined {
  const parsed = answer.safeParse(fromBytes(bytes))
  if (!parsed.success) throw malformed(method)
  const { data } = parsed
  if (data.t === 'end') return undefined
  if (data.t === 'fault') throw new HanseError(codeOf(data.code), data.message)
  const value = values[method].safeParse(data.value)
  if (!value.success) throw malformed(method, value.error)
  return value.data as ControlValues[Method]
}

/** Codes of a newer release are none of ours. */
function codeOf(code: string): ErrorCode {
  return isErrorCode(code) ? code : 'HANSE_INTERNAL'
}

function invalid(message: string): HanseError {
  return new HanseError('HANSE_REQUEST_INVALID', message)
}

function malformed(method: string, cause?: z.ZodError): HanseError {
  const where = cause?.issues[0]?.path.join('.') ?? ''
  return new HanseError(
    'HANSE_FRAME_MALFORMED',
    `${method}: the daemon answered what this release cannot read${where === '' ? '' : ` (${where})`}`,
  )
}

function toBytes(value: object): Uint8Array {
  return new TextEncoder().encode(toJson(value))
}

function fromBytes(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

function cutTexts(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, TEXT_MAX)
  if (Array.isArray(value)) return value.map(cutTexts)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cutTexts(item)]))
}
