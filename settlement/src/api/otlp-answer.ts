import type { FastifyReply, FastifyRequest } from 'fastify'
import { writer } from 'protons-runtime'
import { SettlementError } from '../errors.ts'
import type { ImportResult } from '../imports/import-upload.ts'
import { problemOfFailure } from './problem.ts'

export const PROTOBUF = 'application/x-protobuf'

/** Field numbers of `ExportTraceServiceResponse` and `ExportTracePartialSuccess`, and of `google.rpc.Status`. */
const PARTIAL_SUCCESS = 1
const [REJECTED_SPANS, ERROR_MESSAGE] = [1, 2]
const STATUS_MESSAGE = 2
/** Of the wire. */
const [VARINT, LENGTH] = [0, 2]

export interface PartialSuccess {
  readonly rejectedSpans: number
  readonly errorMessage: string
}

export const isProtobuf = (request: FastifyRequest): boolean => hasType(request, PROTOBUF)
export const isJson = (request: FastifyRequest): boolean => hasType(request, 'application/json')

/** Of what was taken in part; nothing when all was. @throws {SettlementError} where it was no OTLP */
export function partialSuccess({
  stopped,
  rejected: [first],
  rejectedCount,
}: ImportResult): PartialSuccess | undefined {
  if (stopped !== null) throw new SettlementError(stopped.code, stopped.message)
  if (first === undefined) return undefined
  return { rejectedSpans: rejectedCount, errorMessage: `${first.code}: ${first.message}` }
}

/** An answer in the encoding of the request, as OTLP wants it: an empty message when all was taken. */
export function protobufAnswer(partial: PartialSuccess | undefined): Buffer {
  if (partial === undefined) return Buffer.alloc(0)
  const message = writer()
    .uint32(tag(PARTIAL_SUCCESS, LENGTH))
    .fork()
    .uint32(tag(REJECTED_SPANS, VARINT))
    .int64(BigInt(partial.rejectedSpans))
    .uint32(tag(ERROR_MESSAGE, LENGTH))
    .string(partial.errorMessage)
    .ldelim()
  return Buffer.from(message.finish())
}

/**
 * A refusal in the encoding of the request: who sent protobuf gets a `google.rpc.Status`, whose code OTLP leaves to the HTTP
 * status. Everybody else gets the problem as of other routes.
 */
export function refuseOtlp(error: unknown, request: FastifyRequest, reply: FastifyReply): unknown {
  if (!isProtobuf(request)) throw error
  const { status, code, detail } = problemOfFailure(error, request, reply)
  const message = writer().uint32(tag(STATUS_MESSAGE, LENGTH)).string(`${code}: ${detail}`)
  return reply.code(status).type(PROTOBUF).send(Buffer.from(message.finish()))
}

const hasType = ({ headers }: FastifyRequest, type: string): boolean =>
  (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() === type

const tag = (field: number, wire: number): number => (field << 3) | wire
