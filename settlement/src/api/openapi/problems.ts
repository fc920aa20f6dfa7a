import { STATUS_CODES } from 'node:http'
import { errorEntry, type SettlementCode } from '../../errors.ts'
import { problemOf } from '../problem.ts'
import type { Answer, MediaType, Operation, Reference, RouteName } from './openapi-types.ts'
import { codesOf } from './problem-codes.ts'

const PROBLEM = 'application/problem+json'

/** Statuses that say when to come back. */
const WAITING: ReadonlySet<string> = new Set(['429', '503'])

/** What every refusal looks like (RFC 9457). */
export const PROBLEM_SCHEMA = {
  type: 'object',
  description:
    'Problem details (RFC 9457). `code` is stable: programs decide by it, people read `detail` and what to do in `title`.',
  properties: {
    type: { type: 'string', format: 'uri', examples: ['urn:hanse:error:HANSE_NOT_FOUND'] },
    title: { type: 'string', description: 'what to do' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'what happened' },
    code: { type: 'string', pattern: '^HANSE_[A-Z_]+$' },
    retry: { type: 'boolean', description: 'whether the same request may succeed later' },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'retry'],
} as const

export const RETRY_AFTER = {
  description: 'seconds until another try may help',
  schema: { type: 'integer', minimum: 0 },
} as const

/** Refusals by status, each with its codes, as examples. What is not listed is a problem, too. */
export function problemAnswers(
  name: RouteName,
  operation: Operation,
): Record<string, Answer | Reference> {
  if (operation['x-caller'] === 'directory') return scimAnswers(name, operation)
  const byStatus = Map.groupBy(codesOf(name, operation), (code) => String(errorEntry(code).http))
  const answers = [...byStatus]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([status, codes]) => [status, sharedOr(status, codes)] as const)
  return { ...Object.fromEntries(answers), default: { $ref: '#/components/responses/Problem' } }
}

/** A directory reads what its own standard lays down (RFC 7644, 3.12). */
function scimAnswers(name: RouteName, operation: Operation): Record<string, Answer | Reference> {
  const statuses = new Set(codesOf(name, operation).map((code) => String(errorEntry(code).http)))
  const answer = { $ref: '#/components/responses/Scim' }
  return Object.fromEntries([...[...statuses].toSorted(), 'default'].map((one) => [one, answer]))
}

export const SCIM_ERROR_SCHEMA = {
  type: 'object',
  properties: {
    schemas: { type: 'array', items: { type: 'string' } },
    status: { type: 'string' },
    detail: { type: 'string' },
    scimType: { type: 'string' },
  },
  required: ['schemas', 'status', 'detail'],
} as const

/** Most routes answer the same with most statuses: those are written down once. */
const SHARED: Readonly<Record<string, readonly SettlementCode[]>> = {
  Unauthenticated: ['HANSE_UNAUTHENTICATED'],
  NotFound: ['HANSE_NOT_FOUND'],
  Invalid: ['HANSE_REQUEST_INVALID'],
  InvalidBody: ['HANSE_REQUEST_INVALID', 'HANSE_REQUEST_JSON'],
  Forbidden: [
    'HANSE_FORBIDDEN',
    'HANSE_ORGANIZATION_DISABLED',
    'HANSE_PROCESSING_RESTRICTED',
    'HANSE_SSO_REQUIRED',
  ],
  ForbiddenChange: [
    'HANSE_FORBIDDEN',
    'HANSE_ORGANIZATION_DISABLED',
    'HANSE_ORIGIN',
    'HANSE_PROCESSING_RESTRICTED',
    'HANSE_SSO_REQUIRED',
  ],
  ForbiddenOperator: ['HANSE_FORBIDDEN'],
  TooLarge: ['HANSE_REQUEST_TOO_LARGE'],
  MediaType: ['HANSE_MEDIA_TYPE'],
  RateLimited: ['HANSE_RATE_LIMITED'],
  Internal: ['HANSE_INTERNAL'],
  Unavailable: ['HANSE_OVERLOADED', 'HANSE_STORE_CLOSED'],
}

export const SHARED_ANSWERS: Readonly<Record<string, Answer>> = {
  ...Object.fromEntries(
    Object.entries(SHARED).map(([name, codes]) => {
      const status = String(errorEntry(codes[0] ?? 'HANSE_INTERNAL').http)
      return [name, answerOf(status, codes)]
    }),
  ),
  Problem: {
    description: 'Any other refusal, as problem details',
    content: { [PROBLEM]: { schema: { $ref: '#/components/schemas/Problem' } } },
  },
  Scim: {
    description: 'A refusal, as SCIM has it',
    content: { 'application/scim+json': { schema: { $ref: '#/components/schemas/ScimError' } } },
  },
}

function sharedOr(status: string, codes: readonly SettlementCode[]): Answer | Reference {
  const key = codes.toSorted().join()
  const found = Object.entries(SHARED).find(([, same]) => same.join() === key)
  return found === undefined
    ? answerOf(status, codes)
    : { $ref: `#/components/responses/${found[0]}` }
}

function answerOf(status: string, codes: readonly SettlementCode[]): Answer {
  return {
    description: `${STATUS_CODES[status] ?? 'Refused'}: ${codes.map((code) => `\`${code}\``).join(', ')}`,
    ...(WAITING.has(status) && {
      headers: { 'retry-after': { $ref: '#/components/headers/RetryAfter' } },
    }),
    content: { [PROBLEM]: examplesOf(codes) },
  }
}

function examplesOf(codes: readonly SettlementCode[]): MediaType {
  return {
    schema: { $ref: '#/components/schemas/Problem' },
    examples: Object.fromEntries(
      codes.map((code) => [code, { value: problemOf(code, 'what happened, for a person') }]),
    ),
  }
}
