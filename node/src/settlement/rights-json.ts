import { z } from 'zod'

const time = z.number()
const maybeTime = time.nullable()

/** What settlement says of a request about somebody's data (GDPR, Articles 15 to 21). */
export const rightsRequestJson = z.object({
  id: z.string(),
  kind: z.string(),
  state: z.string(),
  receivedAt: time,
  dueAt: time,
  extended: z.boolean(),
  endedAt: maybeTime,
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
export type RightsRequestView = z.output<typeof rightsRequestJson>

export const rightsRequestsJson = z.object({
  requests: z.array(rightsRequestJson),
  next: z.string().nullable(),
})

export const rightsDetailJson = rightsRequestJson.extend({
  /** Of a restriction: which nodes have had something of this provider. */
  recipients: z.array(
    z.object({ node: z.string(), side: z.string(), authorizations: z.number(), lastAt: time }),
  ),
})
export type RightsDetail = z.output<typeof rightsDetailJson>

export const dataExportJson = z.object({
  id: z.string(),
  state: z.string(),
  tablesDone: z.number(),
  tablesAll: z.number(),
  records: z.number(),
  bytes: z.number().nullable(),
  /** Hex, of the archive. */
  sha256: z.string().nullable(),
  failure: z.string().nullable(),
  createdAt: time,
  endedAt: maybeTime,
  expiresAt: maybeTime,
})
export type DataExportView = z.output<typeof dataExportJson>

export const dataExportsJson = z.object({ exports: z.array(dataExportJson) })

export const erasureJson = z.object({
  tombstone: z.string(),
  at: time,
  tables: z.array(
    z.object({
      table: z.string(),
      rows: z.number(),
      outcome: z.string(),
      because: z.string().optional(),
    }),
  ),
  request: z.string().nullable(),
})
export type ErasureView = z.output<typeof erasureJson>
