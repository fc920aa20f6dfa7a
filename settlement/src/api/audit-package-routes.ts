import { randomUUID } from 'node:crypto'
import { parseRecordCid } from '@hanse/protocol'
import { z } from 'zod'
import {
  PACKAGE_PERIOD_MS_MAX,
  PACKAGE_SESSIONS_MAX,
  PACKAGES_WAITING_MAX,
} from '../audit-trail/audit-package.ts'
import { noteLook } from '../audit-trail/look.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { instant, packageJson, packageSchema } from './audit-schemas.ts'
import { principal } from './auth.ts'
import { counterCursor, nextOf, timePage } from './schemas.ts'

const security = [{ key: [] }]
const params = z.object({ id: z.string().max(64) })

const body = z
  .strictObject({
    from: instant,
    to: instant.describe('not included'),
    sessions: z
      .array(z.string().max(80).refine(isCid, { error: 'not the CID of a session' }))
      .max(PACKAGE_SESSIONS_MAX)
      .default([])
      .describe('CIDs of orders; everything of the period when there are none'),
    since: counterCursor
      .nullable()
      .default(null)
      .describe('size of a checkpoint that whoever reads it remembers'),
  })
  .refine(({ from, to }) => from <= to && to - from <= PACKAGE_PERIOD_MS_MAX, {
    error: '`to` must not be before `from`, nor more than 400 days after it',
  })

const description =
  'Signed evidence in one archive: events with the proofs that they are in the log, the checkpoint with its witnesses, receipts, ' +
  'attestations, policies, and a summary for people. It is made within a minute or so; ask for it again until `state` is `done`.'

/** Evidence packages of an organization. */
export function auditPackageRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.post(
    '/v1/audit/packages',
    {
      config: { permission: 'audit:read' },
      schema: { security, description, body, response: { 200: packageSchema } },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      const id = `ap_${randomUUID()}`
      const given = { ...request.body, id, organization, requestedBy: actor }
      if (!(await store.addAuditPackage(given, now()))) {
        throw new SettlementError(
          'HANSE_AUDIT_PACKAGES_BUSY',
          `${PACKAGES_WAITING_MAX} are being made already`,
        )
      }
      return found(organization, id)
    },
  )

  app.get(
    '/v1/audit/packages',
    {
      config: { permission: 'audit:read' },
      schema: {
        security,
        description: 'Newest first.',
        querystring: timePage,
        response: {
          200: z.object({ packages: z.array(packageSchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, before } = request.query
      const query = { organization, limit, ...(before !== undefined && { before }) }
      const packages = await store.auditPackages(query)
      const last = packages.length < limit ? undefined : packages.at(-1)
      return {
        packages: packages.map((one) => packageJson(one, now())),
        next: nextOf(last?.createdAt, last?.id),
      }
    },
  )

  app.get(
    '/v1/audit/packages/:id',
    {
      config: { permission: 'audit:read' },
      schema: { security, description, params, response: { 200: packageSchema } },
    },
    (request) => found(principal(request).organization, request.params.id),
  )

  app.get(
    '/v1/audit/packages/:id/file',
    {
      config: { permission: 'audit:read' },
      schema: { security, params, produces: ['application/zip'] },
    },
    async (request, reply) => {
      const { organization, actor } = principal(request)
      const { id } = request.params
      const known = await store.auditPackage(organization, id)
      const isThere = known?.state === 'done' && (known.expiresAt ?? 0) > now()
      if (!isThere) throw missing()
      await noteLook(context, request, { organization }, actor)
      const file = await store.auditPackageFile(organization, id)
      if (file === undefined) throw missing()
      return reply
        .type('application/zip')
        .header('content-disposition', `attachment; filename="hanse-evidence-${id}.zip"`)
        .send(Buffer.from(file))
    },
  )

  async function found(organization: string, id: string) {
    const known = await store.auditPackage(organization, id)
    if (known === undefined) throw missing()
    return packageJson(known, now())
  }
}

const missing = () => new SettlementError('HANSE_NOT_FOUND', 'no such evidence package, or no more')

function isCid(text: string): boolean {
  try {
    parseRecordCid(text)
    return true
  } catch {
    return false
  }
}
