import type { Answer, MediaType, RequestBody, RouteName } from './openapi-types.ts'

const text: MediaType = { schema: { type: 'string' } }
const json: MediaType = { schema: { type: 'object' } }
const bytes: MediaType = { schema: { type: 'string', format: 'binary' } }

const body = (content: RequestBody['content']): RequestBody => ({ required: true, content })
const cbor = body({ 'application/cbor': bytes })

/** Bodies that routes read themselves, as the bytes that came: what was signed is those, or they are too many to hold. */
export const RAW_BODIES: Readonly<Record<RouteName, RequestBody>> = {
  'POST /v1/receipts': cbor,
  'POST /v1/statements': cbor,
  'POST /v1/session-notes': cbor,
  'POST /v1/providers': cbor,
  'POST /v1/service-levels/timings': cbor,
  'POST /v1/attestations': body({ 'application/json': json }),
  'POST /v1/providers/self/releases': cbor,
  'POST /v1/consumers': body({
    'application/json': {
      schema: {
        type: 'object',
        properties: { organization: { type: 'string', maxLength: 64 } },
        required: ['organization'],
        additionalProperties: false,
      },
    },
  }),
  'PUT /v1/providers/self/tax-profile': body({ 'application/json': json }),
  'POST /v1/providers/self/gdpr/requests': body({ 'application/json': json }),
  'POST /v1/providers/self/gdpr/erase': body({ 'application/json': json }),
  'POST /v1/providers/self/links': body({
    'application/json': {
      schema: {
        type: 'object',
        properties: {
          code: { type: 'string', maxLength: 64 },
          owner: { type: 'string', maxLength: 254 },
        },
        required: ['code', 'owner'],
        additionalProperties: false,
      },
    },
  }),
  'POST /v1/stripe/webhook': body({ 'application/json': json }),
  'POST /v1/imports/{format}': body({
    'text/csv': text,
    'application/json': json,
    'application/x-ndjson': text,
  }),
  'POST /v1/otlp/v1/traces': body({ 'application/json': json }),
  'POST /v1/bills/csv': body({ 'text/csv': text }),
}

const file: Answer = {
  description: 'The document, in the form that its name ends with',
  content: {
    'application/json': json,
    'application/pdf': bytes,
    'application/xml': text,
    'text/csv': text,
  },
}
const archive: Answer = {
  description: 'A compressed archive (tar) of JSON files with an index',
  content: { 'application/gzip': bytes },
}
const page: Answer = { description: 'A page', content: { 'text/html': text } }

/** Answers that are no JSON of one form, by status. */
export const RAW_ANSWERS: Readonly<Record<RouteName, Readonly<Record<string, Answer>>>> = {
  'GET /v1/documents/{file}': { 200: file },
  'GET /v1/providers/self/documents/{file}': { 200: file },
  'GET /v1/account/nodes/{peerId}/documents/{file}': { 200: file },
  'GET /v1/admin/documents/{file}': { 200: file },
  'POST /v1/admin/documents/{number}/openings': { 200: file },
  'GET /v1/providers/self/gdpr/export': { 200: archive },
  'GET /v1/providers/self/gdpr/exports/{export}/file': { 200: archive },
  'GET /v1/gdpr/export': { 200: archive },
  'GET /v1/gdpr/exports/{export}/file': { 200: archive },
  'GET /v1/gdpr/me/export': { 200: archive },
  'GET /v1/gdpr/me/exports/{export}/file': { 200: archive },
  'GET /v1/admin/gdpr/exports/{export}/file': { 200: archive },
  'GET /v1/exports/focus': {
    200: {
      description: 'One row for each charge',
      content: { 'text/csv': text, 'application/jsonl': text },
    },
  },
  'GET /v1/exports/showback': {
    200: { description: 'A line for each rule and cost centre', content: { 'text/csv': text } },
  },
  'GET /v1/exports/runs/{id}/file': {
    200: {
      description: 'The file, in the form of its schedule',
      content: { 'text/csv': text, 'application/jsonl': text, 'application/json': json },
    },
  },
  'GET /v1/log/proof/{cid}': {
    200: { description: 'The proof', content: { 'application/cbor': bytes } },
  },
  'GET /v1/sso/callback/{organization}': {
    303: {
      description: 'Back to the website, signed in or with a code of what went wrong',
      headers: { location: { schema: { type: 'string', format: 'uri' } } },
    },
  },
  'GET /v1/channels/confirm': { 200: page },
  'POST /v1/channels/confirm': { 200: page },
  'GET /v1/channels/unsubscribe': { 200: page },
  'POST /v1/channels/unsubscribe': { 200: page },
}
