import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import type { Erased } from '../rights/ask.ts'
import type { ErasureReport } from '../rights/erasure-store.ts'
import type { DataExport } from '../rights/export-run-store.ts'
import { BASES, BASIS_PURPOSES } from '../rights/lawful-basis.ts'
import { SUBJECT_KINDS } from '../rights/register/index.ts'
import { REQUEST_KINDS, REQUEST_STATES, type RightsRequest } from '../rights/rights-request.ts'
import { deletionSchema, toDeletionJson } from './deletion-schemas.ts'

const time = z.number()
const maybeTime = time.nullable()

export const noteText = z.string().trim().min(1).max(2000)

export const requestSchema = z.object({
  id: z.string(),
  kind: z.enum(REQUEST_KINDS),
  state: z.enum(REQUEST_STATES),
  subjectKind: z.enum(SUBJECT_KINDS),
  subject: z.string(),
  openedBy: z.string(),
  receivedAt: time,
  dueAt: time,
  extended: z.boolean(),
  endedAt: maybeTime,
  /** Of a restriction: since when its subject knows that it will be lifted. */
  announcedAt: maybeTime,
  liftedAt: maybeTime,
  history: z.array(
    z.object({
      number: z.number(),
      step: z.string(),
      by: z.string(),
      ground: z.string().nullable(),
      note: z.string().nullable(),
      at: time,
    }),
  ),
})

export const toRequestJson = (request: RightsRequest): z.output<typeof requestSchema> => ({
  ...request,
  history: [...request.history],
})

/** One request, with what nodes were asked because of it, and of a restriction, who has something of its subject. */
export const requestDetailSchema = requestSchema.extend({
  deletions: z.array(deletionSchema),
  recipients: z.array(
    z.object({
      node: z.string(),
      side: z.enum(['provider', 'consumer']),
      authorizations: z.number(),
      lastAt: time,
    }),
  ),
})

export async function toRequestDetail(
  { store }: Pick<SettlementContext, 'store'>,
  request: RightsRequest,
): Promise<z.output<typeof requestDetailSchema>> {
  const deletions = await store.deletionRequests({ request: request.id, limit: DELETIONS_SHOWN })
  const { kind, subjectKind, subject } = request
  const recipients =
    kind === 'restriction' ? await store.recipientsOf({ kind: subjectKind, id: subject }) : []
  return { ...toRequestJson(request), deletions: deletions.map(toDeletionJson), recipients }
}

/** The rest is at `/v1/admin/gdpr/deletions`. */
const DELETIONS_SHOWN = 500

export const askBody = z.strictObject({
  kind: z.enum(REQUEST_KINDS).exclude(['erasure']),
  note: noteText.optional(),
})

export const exportSchema = z.object({
  id: z.string(),
  state: z.enum(['waiting', 'done', 'failed']),
  tablesDone: z.number(),
  tablesAll: z.number(),
  records: z.number(),
  bytes: z.number().nullable(),
  sha256: z.string().nullable(),
  failure: z.string().nullable(),
  createdAt: time,
  endedAt: maybeTime,
  expiresAt: maybeTime,
})

export function toExportJson(given: DataExport): z.output<typeof exportSchema> {
  const { subject: _subject, subjectKind: _kind, ...rest } = given
  return rest
}

export const basesSchema = z.object({
  text: z.string(),
  version: z.string(),
  bases: z.array(
    z.object({
      purpose: z.enum(BASIS_PURPOSES),
      basis: z.enum(BASES),
      version: z.string(),
      givenBy: z.string(),
      givenAt: time,
      withdrawnBy: z.string().nullable(),
      withdrawnAt: maybeTime,
    }),
  ),
})

export const erasureSchema = z.object({
  tombstone: z.string(),
  kind: z.enum(SUBJECT_KINDS),
  at: time,
  scrubbedAt: maybeTime,
  tables: z.array(
    z.object({
      table: z.string(),
      rows: z.number(),
      outcome: z.enum(['deleted', 'emptied', 'sealed', 'unlinked', 'kept']),
      because: z.string().optional(),
    }),
  ),
  /** Null where it was erased before. */
  request: z.string().nullable(),
})

export const toErasureJson = ({ report, request }: Erased): z.output<typeof erasureSchema> => ({
  ...reportJson(report),
  request: request?.id ?? null,
})

const reportJson = (report: ErasureReport) => ({ ...report, tables: [...report.tables] })
