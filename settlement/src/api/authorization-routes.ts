import { signedRecordSchema } from '@hanse/protocol'
import { z } from 'zod'
import type { AuthorizationRow } from '../authorizations/authorization-store.ts'
import { authorize, authorizeMore } from '../authorizations/authorize.ts'
import {
  LIST_MS,
  ownAuthorization,
  releaseEarly,
  revoke,
  revokedSince,
} from '../authorizations/end-early.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { decodeSigned } from '../receipts/submission.ts'
import { automaticTopUp } from '../top-ups/automatic-top-up.ts'
import { spenderOfActor } from '../usage/spender.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { background } from './background.ts'
import {
  amount,
  counterCursor,
  money,
  peerId,
  requiredKey,
  signedJson,
  toSignedJson,
} from './schemas.ts'

/** An authorization holds money of the organization: no longer than a week. */
const LIFETIME_MS_MAX = 7 * 86_400_000
const LIFETIME_MS_MIN = 10_000
const PAGE_MAX = 500
/** As keys and tags of gateways have. */
const NAME_MAX = 64
const TAGS_MAX = 16

const security = [{ key: [] }]
const lifetimeMs = z.int().min(LIFETIME_MS_MIN).max(LIFETIME_MS_MAX)
const cidParams = z.object({ cid: z.string().max(128) })

const name = z
  .string()
  .min(1)
  .max(NAME_MAX)
  .regex(/^\P{Cc}+$/u)
/** Whom an authorization is for alone; without it, it is for anybody in the organization. */
const attribution = z.strictObject({
  key: name.optional(),
  team: name.optional(),
  tags: z.array(name).max(TAGS_MAX).optional(),
})

const row = z.object({
  cid: z.string(),
  serial: money,
  consumer: z.string(),
  provider: z.string(),
  limit: money,
  spent: money,
  released: money,
  issuedAt: z.number(),
  notAfter: z.number(),
  closedAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
  revokedBy: z.enum(['organization', 'operator']).nullable(),
  extends: z.string().nullable(),
  attribution: attribution.nullable(),
})

/** Promises of an organization's money to providers. */
export function authorizationRoutes(app: App, context: SettlementContext): void {
  const { store, terms } = context
  const later = background(app)
  const fillUp = (organization: string) => later(automaticTopUp(context, organization))

  app.post(
    '/v1/authorizations',
    {
      config: { permission: 'spend' },
      schema: {
        security,
        body: z.strictObject({
          consumer: peerId,
          provider: peerId,
          amount,
          lifetimeMs: lifetimeMs.optional(),
          attribution: attribution.optional(),
        }),
        response: { 200: z.object({ authorization: signedJson }) },
      },
    },
    async (request) => {
      const { organization, actor, responsible } = principal(request)
      const { consumer, provider, amount: limit } = request.body
      const authorization = await authorize(context, {
        organization,
        consumer,
        provider,
        limit,
        lifetimeMs: request.body.lifetimeMs ?? terms.authorizationMs,
        idempotencyKey: requiredKey(request),
        attribution: request.body.attribution,
        by: spenderOfActor(actor, responsible),
      })
      fillUp(organization)
      return { authorization: toSignedJson(authorization) }
    },
  )

  app.post(
    '/v1/authorizations/:cid/top-ups',
    {
      config: { permission: 'spend' },
      schema: {
        description:
          'Adds to an open authorization by a second one for the same two peers. Both are good, each for its own amount.',
        security,
        params: cidParams,
        body: z.strictObject({ amount, lifetimeMs: lifetimeMs.optional() }),
        response: { 200: z.object({ authorization: signedJson }) },
      },
    },
    async (request) => {
      const { organization, actor, responsible } = principal(request)
      const authorization = await authorizeMore(context, {
        organization,
        by: spenderOfActor(actor, responsible),
        cid: request.params.cid,
        amount: request.body.amount,
        lifetimeMs: request.body.lifetimeMs ?? terms.authorizationMs,
        idempotencyKey: requiredKey(request),
      })
      fillUp(organization)
      return { authorization: toSignedJson(authorization) }
    },
  )

  app.get(
    '/v1/authorizations',
    {
      config: { permission: 'usage:read' },
      schema: {
        security,
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100),
          before: counterCursor.optional(),
          state: z.enum(['open', 'closed']).optional(),
        }),
        response: {
          200: z.object({ authorizations: z.array(row), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, before, state } = request.query
      const found = await store.authorizations({
        organization,
        limit,
        ...(before !== undefined && { before }),
        ...(state !== undefined && { open: state === 'open' }),
      })
      const last = found.length < limit ? undefined : found.at(-1)
      return { authorizations: found.map(toJson), next: last?.serial.toString() ?? null }
    },
  )

  app.get(
    '/v1/authorizations/revoked',
    {
      config: { access: 'public' },
      schema: {
        description:
          'Authorizations under which providers are asked to take no new orders, signed; `since` is the `until` of the list before.',
        querystring: z.strictObject({
          since: counterCursor.default(0n),
        }),
        response: { 200: z.object({ list: signedJson, until: money, more: z.boolean() }) },
      },
    },
    async (request, reply) => {
      const { list, until, more } = await revokedSince(context, request.query.since)
      reply.header('cache-control', `public, max-age=${LIST_MS / 1000}`)
      return { list: toSignedJson(list), until, more }
    },
  )

  app.get(
    '/v1/authorizations/:cid',
    {
      config: { permission: 'usage:read' },
      schema: {
        security,
        params: cidParams,
        response: { 200: row.extend({ authorization: signedJson }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const found = await ownAuthorization(context, organization, request.params.cid)
      return { ...toJson(found), authorization: toSignedJson(decodeSigned(found.signed)) }
    },
  )

  app.post(
    '/v1/authorizations/:cid/release',
    {
      config: { permission: 'spend', whileRestricted: true },
      schema: {
        description:
          'Gives the unused hold back early. `consent` is the provider’s signed AuthorizationRelease: what it has earned and not yet told of must not be lost.',
        security,
        params: cidParams,
        body: z.strictObject({ consent: signedJson.nullable().default(null) }),
        response: { 200: row },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { consent } = request.body
      const signed = consent === null ? null : parseSigned(consent)
      return toJson(await releaseEarly(context, organization, request.params.cid, signed))
    },
  )

  app.post(
    '/v1/authorizations/:cid/revoke',
    {
      config: { permission: 'spend', whileRestricted: true },
      schema: { security, params: cidParams, response: { 200: row } },
    },
    async (request) => {
      const { organization } = principal(request)
      return toJson(await revoke(context, organization, request.params.cid))
    },
  )

  app.post(
    '/v1/admin/authorizations/:cid/revoke',
    {
      config: { access: 'operator' },
      schema: { security, params: cidParams, response: { 200: row } },
    },
    async (request) => toJson(await revoke(context, null, request.params.cid)),
  )
}

const toJson = ({ signed: _signed, organization: _organization, ...rest }: AuthorizationRow) => ({
  ...rest,
  attribution: rest.attribution === null ? null : attribution.parse(JSON.parse(rest.attribution)),
})

function parseSigned({ bytes, signatures }: z.output<typeof signedJson>) {
  const parsed = signedRecordSchema.safeParse({
    bytes: Uint8Array.from(Buffer.from(bytes, 'base64')),
    signatures: signatures.map((one) => ({
      ...one,
      signature: Uint8Array.from(Buffer.from(one.signature, 'base64')),
    })),
  })
  if (parsed.success) return parsed.data
  throw new SettlementError('HANSE_REQUEST_INVALID', 'no signed record')
}
