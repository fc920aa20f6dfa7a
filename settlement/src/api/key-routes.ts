import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { SCOPES } from '../tenants/key-scopes.ts'
import type { App } from './app.ts'
import { keyOf, organizationOf } from './auth.ts'

const security = [{ key: [] }]
const scopes = z.array(z.enum(SCOPES)).min(1).max(SCOPES.length)
const row = z.object({
  prefix: z.string(),
  name: z.string(),
  scopes,
  createdAt: z.number(),
  revokedAt: z.number().nullable(),
})

/** An organization's keys. */
export function keyRoutes(app: App, { store, now }: SettlementContext): void {
  app.get(
    '/v1/keys',
    { schema: { security, response: { 200: z.object({ keys: z.array(row) }) } } },
    async (request) => {
      const organization = await organizationOf(request, store, 'keys')
      return {
        keys: (await store.keys(organization)).map((key) => ({ ...key, scopes: [...key.scopes] })),
      }
    },
  )

  app.post(
    '/v1/keys',
    {
      schema: {
        description: 'Makes a key that may do no more than the one it is made with.',
        security,
        body: z.strictObject({ name: z.string().min(1).max(100), scopes }),
        response: { 200: z.object({ prefix: z.string(), apiKey: z.string() }) },
      },
    },
    async (request) => {
      const organization = await organizationOf(request, store, 'keys')
      const { scopes: own } = await keyOf(request, store)
      const wanted = [...new Set(request.body.scopes)]
      const missing = wanted.find((scope) => !own.includes(scope))
      if (missing !== undefined) {
        throw new SettlementError('HANSE_FORBIDDEN', `this key has no scope ${missing} to give`)
      }
      const { key, prefix, hash } = createApiKey()
      const { name } = request.body
      await store.addKey({ organization, prefix, hash, name, scopes: wanted, at: now() })
      return { prefix, apiKey: key }
    },
  )

  app.delete(
    '/v1/keys/:prefix',
    {
      schema: {
        security,
        params: z.object({ prefix: z.string().max(64) }),
        response: { 200: z.object({ prefix: z.string() }) },
      },
    },
    async (request) => {
      const organization = await organizationOf(request, store, 'keys')
      if (await store.revokeKey(organization, request.params.prefix, now())) return request.params
      throw new SettlementError('HANSE_NOT_FOUND', 'no such key')
    },
  )
}
