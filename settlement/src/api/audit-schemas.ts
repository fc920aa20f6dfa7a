import { LOG_EVENT_KINDS } from '@hanse/protocol'
import { z } from 'zod'
import type { AuditPackage } from '../audit-trail/audit-package.ts'
import type { TrailFilter } from '../audit-trail/trail-filter.ts'
import { SettlementError } from '../errors.ts'
import { counterCursor } from './schemas.ts'

const DAY_MS = 86_400_000
/** What nobody says otherwise: a month. */
const PERIOD_MS = 31 * DAY_MS
/** How far a clock of whoever asks may be ahead. */
const AHEAD_MS = DAY_MS
const TEXT_MAX = 100
const MODEL_MAX = 128
const LIMIT_MAX = 200

export const instant = z.iso.datetime({ offset: true }).transform(Date.parse)
const kind = z.enum(LOG_EVENT_KINDS)
const kinds = z
  .union([kind.transform((one) => [one]), z.array(kind).min(1).max(LOG_EVENT_KINDS.length)])
  .optional()
  .describe('may be repeated')
const word = z.string().min(1).max(200).optional()

export const periodQuery = z.strictObject({
  from: instant.optional().describe('a month before `to` when not given'),
  to: instant.optional().describe('not included; now when not given'),
  kind: kinds,
})

export const eventsQuery = periodQuery.extend({
  limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(50),
  before: counterCursor.optional().describe('the `next` of the page before'),
  key: word.describe('prefix of the API key that asked for the money, or that did it'),
  member: word.describe('id of the person who did, or who answers for the key'),
  model: z.string().min(1).max(MODEL_MAX).optional(),
  provider: word,
  country: z
    .string()
    .regex(/^[A-Z]{2}$/u)
    .optional(),
  reason: word.describe('why something was refused'),
  record: word.describe('CID of a session, a receipt, or another record'),
  text: z.string().min(1).max(TEXT_MAX).optional().describe('somewhere in it, in whatever case'),
})

/** @throws {SettlementError} HANSE_REQUEST_INVALID for a period that ends before it begins */
export function periodOf(
  { from, to }: { readonly from?: number | undefined; readonly to?: number | undefined },
  now: number,
): { readonly from: number; readonly to: number } {
  const end = Math.min(to ?? now + 1, now + AHEAD_MS)
  const begin = from ?? end - PERIOD_MS
  if (begin <= end) return { from: begin, to: end }
  throw new SettlementError('HANSE_REQUEST_INVALID', '`to` must not be before `from`')
}

export function filterOf({
  kind: of,
  from: _from,
  to: _to,
  limit: _limit,
  before: _before,
  ...filter
}: z.output<typeof eventsQuery>): TrailFilter {
  const set = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
  return { ...set, ...(of !== undefined && { kinds: of }) }
}

const text = z.string().nullable()
/** `amount` is pico-euro in digits; what of `details` is beyond 2⁵³ is digits as well. */
export const eventSchema = z.object({
  id: z.string(),
  kind,
  at: z.number(),
  record: text,
  leaf: text,
  seal: z.enum(['none', 'open', 'sealed']),
  session: text,
  models: z.array(z.string()),
  provider: text,
  consumer: text,
  country: text,
  key: text,
  member: text,
  amount: text,
  reason: text,
  details: z
    .record(z.string(), z.union([z.string(), z.number(), z.array(z.string()), z.null()]))
    .nullable(),
})

export const eventsResponse = z.object({
  events: z.array(eventSchema),
  next: text,
  scanned: z.number(),
})

export const provedEventSchema = z.object({
  event: eventSchema,
  /** Base64. */
  body: z.string(),
  salt: z.string(),
  proof: text,
  sessions: z.array(z.object({ session: z.string(), receipt: z.string() })),
})

export const overviewSchema = z.object({
  from: z.number(),
  to: z.number(),
  counts: z.array(z.object({ kind, day: z.string(), events: z.number() })),
  log: z
    .object({
      origin: z.string(),
      vkey: z.string(),
      size: z.string(),
      root: z.string(),
      checkpoint: z.string(),
      witnesses: z.array(z.object({ name: z.string(), size: z.string(), current: z.boolean() })),
    })
    .nullable(),
})

export const packageSchema = z.object({
  id: z.string(),
  requestedBy: z.string(),
  from: z.number(),
  to: z.number(),
  sessions: z.array(z.string()),
  since: text,
  state: z.enum(['waiting', 'done', 'failed']),
  done: z.number(),
  total: z.number().nullable(),
  failure: text,
  bytes: z.number().nullable(),
  sha256: text,
  createdAt: z.number(),
  endedAt: z.number().nullable(),
  expiresAt: z.number().nullable(),
  file: text,
})

export const packageJson = (
  { organization: _organization, since, sessions, ...rest }: AuditPackage,
  now: number,
) => ({
  ...rest,
  sessions: [...sessions],
  since: since?.toString() ?? null,
  file:
    rest.state === 'done' && (rest.expiresAt ?? 0) > now
      ? `/v1/audit/packages/${rest.id}/file`
      : null,
})
