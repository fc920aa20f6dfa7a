import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { checkLog } from '../log/check-log.ts'
import { BASES } from '../rights/lawful-basis.ts'
import { createApiKey } from '../tenants/api-key.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'
import { entrySchema } from './explorer-schemas.ts'
import { counterCursor, money, peerId } from './schemas.ts'

const security = [{ key: [] }]
const PAGE_MAX = 500
const CONSUMERS_MAX = 100

const limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(100)

const reportSchema = z.object({
  balanced: z.boolean(),
  differences: z.array(
    z.object({
      check: z.string(),
      subject: z.string(),
      expected: z.string(),
      actual: z.string(),
    }),
  ),
  accounts: z.number(),
  transfers: z.number(),
})

const logReportSchema = z.object({
  sound: z.boolean(),
  differences: z.array(z.object({ subject: z.string(), reason: z.string() })).readonly(),
  size: money,
  waiting: z.boolean(),
})

/** Organizations, the ledger and the log, for operators. */
export function adminRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.post(
    '/v1/admin/organizations',
    {
      config: { access: 'operator' },
      schema: {
        security,
        body: z.strictObject({
          name: z.string().min(1).max(200),
          consumers: z.array(peerId).max(CONSUMERS_MAX).default([]),
          lawfulBasis: z.enum(BASES).optional(),
        }),
        response: { 200: z.object({ organization: z.string(), apiKey: z.string() }) },
      },
    },
    async (request) => {
      const { body } = request
      const organization = `org_${randomUUID()}`
      const { key, prefix, hash } = createApiKey()
      await store.createOrganization({
        id: organization,
        name: body.name,
        key: { prefix, hash },
        consumers: body.consumers,
        at: now(),
        ...(body.lawfulBasis !== undefined &&
          context.euAudit && {
            basis: { basis: body.lawfulBasis, by: `operator:${operatorOf(request).id}` },
          }),
      })
      return { organization, apiKey: key }
    },
  )

  app.post(
    '/v1/admin/organizations/:organization/consumers',
    {
      config: { access: 'operator' },
      schema: {
        security,
        params: z.object({ organization: z.string().max(64) }),
        body: z.strictObject({ consumers: z.array(peerId).min(1).max(CONSUMERS_MAX) }),
        response: { 200: z.object({ organization: z.string() }) },
      },
    },
    async ({ params, body }) => {
      await store.bindConsumers(params.organization, body.consumers, now())
      return { organization: params.organization }
    },
  )

  app.get(
    '/v1/admin/ledger/entries',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: z.strictObject({
          limit,
          before: counterCursor.optional(),
          after: counterCursor.optional(),
          account: z.string().max(200).optional(),
        }),
        response: { 200: z.object({ entries: z.array(entrySchema), next: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const { before, after, account } = query
      const entries = await store.ledgerEntries({
        limit: query.limit,
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
        ...(account !== undefined && { account }),
      })
      const last = entries.length < query.limit ? undefined : entries.at(-1)
      return { entries, next: last?.id.toString() ?? null }
    },
  )

  app.get(
    '/v1/admin/ledger/check',
    { config: { access: 'operator' }, schema: { security, response: { 200: reportSchema } } },
    async () => {
      const report = await store.ledgerCheck()
      return { ...report, differences: [...report.differences] }
    },
  )

  app.get(
    '/v1/admin/log/check',
    { config: { access: 'operator' }, schema: { security, response: { 200: logReportSchema } } },
    () => checkLog(store),
  )
}
