import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { FORMAT_NAMES } from '../imports/formats/index.ts'
import { isMapped } from '../imports/formats/mapped-csv.ts'
import { type ImportResult, importUpload, ROWS_MAX } from '../imports/import-upload.ts'
import { NETWORK_SOURCE } from '../imports/spend-query.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import {
  isJson,
  isProtobuf,
  PROTOBUF,
  partialSuccess,
  protobufAnswer,
  refuseOtlp,
} from './otlp-answer.ts'
import { bytesOf, takeStreams } from './upload-body.ts'

const security = [{ key: [] }]
/** As much as a line of 20 Mbit/s sends before a request is too old. */
const UPLOAD_BYTES_MAX = 64 * 1024 * 1024
/** A batch of an exporter has 512 spans of some kilobytes. */
const SPANS_BYTES_MAX = 8 * 1024 * 1024
const MAPPING_CHARS_MAX = 4_000

const source = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/u, { error: 'lower-case letters, digits, dots and hyphens' })
  .refine((name) => name !== NETWORK_SOURCE, { error: 'is what is settled here' })

const mapping = z
  .string()
  .max(MAPPING_CHARS_MAX)
  .transform((text, context) => {
    const parsed = mappingSchema.safeParse(parseJson(text))
    if (parsed.success) return parsed.data
    context.addIssue('not a JSON object of fields and their columns')
    return z.NEVER
  })

const mappingSchema = z.record(z.string().refine(isMapped), z.string().min(1).max(200))

const rejected = z.object({ line: z.number(), code: z.string(), message: z.string() })
const resultSchema = z.object({
  accepted: z.number(),
  duplicates: z.number(),
  ignored: z.number(),
  rejectedCount: z.number(),
  rejected: z.array(rejected).readonly(),
  stopped: rejected.nullable(),
})

/** Brings in what was used elsewhere. */
export function importRoutes(app: App, context: SettlementContext): void {
  app.register(async (scope) => uploadRoutes(scope as unknown as App, context))
}

function uploadRoutes(app: App, context: SettlementContext): void {
  takeStreams(app)

  app.post(
    '/v1/imports/:format',
    {
      config: { permission: 'imports:write' },
      bodyLimit: UPLOAD_BYTES_MAX,
      schema: {
        security,
        description:
          `Usage of elsewhere as a file, up to ${ROWS_MAX} records, gzip or as it is. Each record counts once for each ` +
          'source and id, however often it comes; one that is wrong does not keep its neighbours out. Only counts, ' +
          'names, times and costs are taken: prompts and answers in a file are read past, and never stored.',
        params: z.object({ format: z.enum(FORMAT_NAMES) }),
        querystring: z.strictObject({
          source: source.optional(),
          mapping: mapping.optional(),
          dryRun: z.stringbool().default(false),
        }),
        response: { 200: resultSchema },
      },
    },
    async (request): Promise<ImportResult> => {
      const { organization } = principal(request)
      const { format } = request.params
      const { source: given = format, mapping: columns = {}, dryRun } = request.query
      if (format === 'csv') checkMapping(columns)
      return importUpload(context, {
        organization,
        source: given,
        format,
        mapping: columns,
        body: bytesOf(request),
        isDryRun: dryRun,
      })
    },
  )

  app.post(
    '/v1/otlp/v1/traces',
    {
      config: { permission: 'imports:write' },
      bodyLimit: SPANS_BYTES_MAX,
      schema: {
        security,
        description:
          'OTLP: spans of requests to models, as JSON or protobuf, as an OpenTelemetry exporter sends them with ' +
          'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT here and OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf or http/json. Other spans ' +
          'are ignored, and so are messages in attributes and events. The answer has the encoding of the request.',
        response: {
          200: z.object({
            partialSuccess: z
              .object({ rejectedSpans: z.number(), errorMessage: z.string() })
              .optional(),
          }),
        },
      },
      errorHandler: refuseOtlp,
    },
    async (request, reply) => {
      const { organization } = principal(request)
      const isPacked = isProtobuf(request)
      if (!isPacked && !isJson(request)) {
        throw new SettlementError(
          'HANSE_MEDIA_TYPE',
          `send OTLP as application/json or ${PROTOBUF}: OTEL_EXPORTER_OTLP_PROTOCOL=http/json or http/protobuf`,
        )
      }
      const result = await importUpload(context, {
        organization,
        source: 'otlp',
        format: 'otlp',
        isProtobuf: isPacked,
        mapping: {},
        body: bytesOf(request),
        isDryRun: false,
      })
      const partial = partialSuccess(result)
      if (isPacked) return reply.type(PROTOBUF).send(protobufAnswer(partial) as never)
      return partial === undefined ? {} : { partialSuccess: partial }
    },
  )
}

function checkMapping(columns: Readonly<Record<string, string>>): void {
  const missing = ['at', 'provider', 'model'].filter((field) => columns[field] === undefined)
  if (missing.length > 0) {
    throw new SettlementError(
      'HANSE_REQUEST_INVALID',
      `mapping: no column for ${missing.join(', ')}`,
    )
  }
  if (columns.cost !== undefined && columns.currency === undefined) {
    throw new SettlementError('HANSE_REQUEST_INVALID', 'mapping: a cost needs a currency')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
