import { POLICY_REASONS } from '@hanse/protocol'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { dryRun } from '../policies/dry-run.ts'
import { faultLines, parsePolicy } from '../policies/parse-policy.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { money } from './schemas.ts'

const security = [{ key: [] }]
const PAGE_MAX = 100
/** Raw usage is kept for so long. */
const DAYS_MAX = 90
const DAY_MS = 86_400_000
/** A hundred rules with long lists. */
const SOURCE_MAX = 60_000

const document = z.strictObject({
  format: z.enum(['toml', 'json']),
  source: z.string().min(1).max(SOURCE_MAX),
})
const params = z.object({
  version: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1),
})
const row = z.object({
  version: z.number(),
  format: z.enum(['toml', 'json']),
  createdBy: z.string(),
  createdAt: z.number(),
  isActive: z.boolean(),
})
const fault = z.object({
  line: z.number().nullable(),
  field: z.string(),
  message: z.string(),
})

/** What an organization allows, as a document with versions. */
export function policyRoutes(app: App, context: SettlementContext): void {
  const { store, now, euAudit } = context
  const toldBy = (by: string) => (euAudit ? { by, at: now() } : undefined)

  app.get(
    '/v1/policies',
    {
      config: { permission: 'policies:read' },
      schema: {
        security,
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(20),
          before: z.coerce.number().int().min(1).optional(),
        }),
        response: { 200: z.object({ policies: z.array(row), next: z.string().nullable() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, before } = request.query
      const query = { limit, ...(before !== undefined && { before }) }
      const policies = await store.policies(organization, query)
      const last = policies.length < limit ? undefined : policies.at(-1)
      return { policies, next: last?.version.toString() ?? null }
    },
  )

  app.post(
    '/v1/policies',
    {
      config: { permission: 'policies:write' },
      schema: {
        security,
        description: 'Keeps a new version; it counts once it is activated.',
        body: document.extend({ activate: z.boolean().default(false) }),
        response: { 200: z.object({ version: z.number(), isActive: z.boolean() }) },
      },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      const { source, format, activate } = request.body
      const policy = read(source, format)
      const given = { organization, source, format, document: policy, actor, at: now() }
      const version = await store.addPolicy(given)
      if (activate) await store.activatePolicy(organization, version, toldBy(actor))
      return { version, isActive: activate }
    },
  )

  app.post(
    '/v1/policies/check',
    {
      config: { permission: 'policies:read' },
      schema: {
        security,
        description: 'Reads a document and keeps nothing.',
        body: document,
        response: { 200: z.object({ valid: z.boolean(), faults: z.array(fault) }) },
      },
    },
    async (request) => {
      const { faults } = parsePolicy(request.body.source, request.body.format)
      return { valid: faults.length === 0, faults: [...faults] }
    },
  )

  app.post(
    '/v1/policies/dry-run',
    {
      config: { permission: 'policies:read' },
      schema: {
        security,
        description:
          'What a policy would have done to the sessions of the last days. Changes nothing.',
        body: document.extend({ days: z.int().min(1).max(DAYS_MAX).default(7) }),
        response: {
          200: z.object({
            from: z.number(),
            to: z.number(),
            sessions: z.number(),
            refused: z.number(),
            refusedAmount: money,
            unjudged: z.number(),
            isPartial: z.boolean(),
            groups: z.array(
              z.object({
                rule: z.string(),
                reason: z.enum(POLICY_REASONS),
                sessions: z.number(),
                amount: money,
                examples: z.array(z.string()),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { source, format, days } = request.body
      const policy = read(source, format)
      const { timeZone } = await store.gatewayRules(organization, now())
      const [from, to] = [now() - days * DAY_MS, now()]
      const found = await dryRun(store, { organization, policy, timeZone, from, to })
      return {
        ...found,
        groups: found.groups.map((one) => ({ ...one, examples: [...one.examples] })),
      }
    },
  )

  app.get(
    '/v1/policies/:version',
    {
      config: { permission: 'policies:read' },
      schema: { security, params, response: { 200: document } },
    },
    async (request) => {
      const { organization } = principal(request)
      const found = await store.policy(organization, request.params.version)
      if (found !== undefined) return { format: found.format, source: found.source }
      throw new SettlementError('HANSE_NOT_FOUND', 'no such policy')
    },
  )

  app.post(
    '/v1/policies/:version/activate',
    {
      config: { permission: 'policies:write' },
      schema: { security, params, response: { 200: z.object({ version: z.number() }) } },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      await store.activatePolicy(organization, request.params.version, toldBy(actor))
      return { version: request.params.version }
    },
  )

  app.delete(
    '/v1/policies/active',
    {
      config: { permission: 'policies:write' },
      schema: {
        security,
        description: 'No policy counts any more; the versions stay.',
        response: { 200: z.object({ isActive: z.literal(false) }) },
      },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      await store.activatePolicy(organization, null, toldBy(actor))
      return { isActive: false as const }
    },
  )
}

/** @throws {SettlementError} HANSE_REQUEST_INVALID that names the lines */
function read(source: string, format: 'toml' | 'json') {
  const { policy, faults } = parsePolicy(source, format)
  if (policy !== undefined) return policy
  const told = faultLines('policy', faults.slice(0, 5)).join('; ')
  throw new SettlementError('HANSE_REQUEST_INVALID', told)
}
