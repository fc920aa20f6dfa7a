import { z } from 'zod'
import { ROLES, roleCovers } from '../access/roles.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { SCOPES, type Scope } from '../tenants/key-scopes.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import type { Principal } from './find-caller.ts'
import { nextOf, timePage } from './schemas.ts'

const security = [{ key: [] }]
const DAY_MS = 86_400_000
/** A week is a release and its rollback. */
const OVERLAP_MS_MAX = 7 * DAY_MS
const scopes = z.array(z.enum(SCOPES)).min(1).max(SCOPES.length)
const row = z.object({
  prefix: z.string(),
  name: z.string(),
  scopes,
  role: z.enum(ROLES).nullable(),
  createdBy: z.string().nullable(),
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
  requestsPerMinute: z.number().nullable(),
  tags: z.array(z.string()),
})
/** As authorizations may have. */
const tags = z
  .array(
    z
      .string()
      .min(1)
      .max(64)
      .regex(/^\P{Cc}+$/u),
  )
  .max(16)
const params = z.object({ prefix: z.string().max(64) })
const made = z.object({ prefix: z.string(), apiKey: z.string() })

/** An organization's keys. */
export function keyRoutes(app: App, { store, now }: SettlementContext): void {
  app.get(
    '/v1/keys',
    {
      config: { permission: 'keys:read' },
      schema: {
        security,
        description: 'Oldest first, with those that were revoked or ran out',
        querystring: z.strictObject({
          limit: timePage.shape.limit,
          after: timePage.shape.before,
        }),
        response: { 200: z.object({ keys: z.array(row), next: z.string().nullable() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, after } = request.query
      const found = await store.keys(organization, { limit, ...(after !== undefined && { after }) })
      const last = found.length < limit ? undefined : found.at(-1)
      const keys = found.map((key) => ({ ...key, scopes: [...key.scopes], tags: [...key.tags] }))
      return { keys, next: nextOf(last?.createdAt, last?.prefix) }
    },
  )

  app.post(
    '/v1/keys',
    {
      config: { permission: 'keys:write' },
      schema: {
        description:
          'Makes a key that may do no more than who makes it. `requestsPerMinute` holds for all processes together.',
        security,
        body: z.strictObject({
          name: z.string().min(1).max(100),
          scopes,
          expiresAt: z.int().positive().max(8.64e15).optional(),
          requestsPerMinute: z.int().min(1).max(1_000_000).optional(),
          tags: tags.optional().describe('what is spent with it is summed under these'),
        }),
        response: { 200: made },
      },
    },
    async (request) => {
      const by = principal(request)
      const { name, expiresAt = null, requestsPerMinute = null } = request.body
      const wanted = [...new Set(request.body.scopes)]
      checkScopes(by, wanted)
      const at = now()
      if (expiresAt !== null && expiresAt <= at) {
        throw new SettlementError('HANSE_REQUEST_INVALID', 'expiresAt: is over')
      }
      const { key, prefix, hash } = createApiKey()
      const { organization, role, responsible } = by
      await store.addKey({
        organization,
        prefix,
        hash,
        name,
        scopes: wanted,
        role,
        createdBy: responsible,
        expiresAt,
        requestsPerMinute,
        tags: request.body.tags ?? [],
        at,
      })
      return { prefix, apiKey: key }
    },
  )

  app.put(
    '/v1/keys/:prefix/tags',
    {
      config: { permission: 'keys:write' },
      schema: {
        description: 'For authorizations that are asked for from now on',
        security,
        params,
        body: z.strictObject({ tags }),
        response: { 200: z.object({ prefix: z.string(), tags: z.array(z.string()) }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { prefix } = request.params
      const wanted = [...new Set(request.body.tags)].sort()
      if (!(await store.tagKey(organization, prefix, wanted))) throw missing()
      return { prefix, tags: wanted }
    },
  )

  app.post(
    '/v1/keys/:prefix/rotate',
    {
      config: { permission: 'keys:write' },
      schema: {
        description:
          'Makes a key with the same name, scopes, limit and length of life; the old one works until the overlap is over',
        security,
        params,
        body: z.strictObject({ overlapMs: z.int().min(0).max(OVERLAP_MS_MAX).default(DAY_MS) }),
        response: { 200: made.extend({ oldUntil: z.number() }) },
      },
    },
    async (request) => {
      const by = principal(request)
      const { organization, responsible } = by
      const old = await store.key(organization, request.params.prefix)
      if (old === undefined) throw missing()
      checkScopes(by, old.scopes)
      if (!roleCovers(by.role, old.role)) {
        throw new SettlementError('HANSE_FORBIDDEN', 'this key may do more than you')
      }
      const at = now()
      const oldUntil = Math.min(at + request.body.overlapMs, old.expiresAt ?? Infinity)
      const { key, prefix, hash } = createApiKey()
      const rotation = { organization, old: old.prefix, prefix, hash, oldUntil, at }
      if (!(await store.rotateKey({ ...rotation, createdBy: responsible }))) throw missing()
      return { prefix, apiKey: key, oldUntil }
    },
  )

  app.delete(
    '/v1/keys/:prefix',
    {
      config: { permission: 'keys:write', whileRestricted: true },
      schema: { security, params, response: { 200: z.object({ prefix: z.string() }) } },
    },
    async (request) => {
      const { organization } = principal(request)
      if (await store.revokeKey(organization, request.params.prefix, now())) return request.params
      throw missing()
    },
  )
}

const missing = () => new SettlementError('HANSE_NOT_FOUND', 'no such key')

function checkScopes({ scopes: own }: Principal, wanted: readonly Scope[]): void {
  const lacking = wanted.find((scope) => !own.includes(scope))
  if (lacking === undefined) return
  throw new SettlementError('HANSE_FORBIDDEN', `this key has no scope ${lacking} to give`)
}
