import type { FastifyReply, FastifyRequest } from 'fastify'
import { buildEndSessionUrl } from 'openid-client'
import { z } from 'zod'
import { recordAccess } from '../access/access-log.ts'
import { checkIssuer } from '../access/issuer.ts'
import {
  beginSignIn,
  callbackUrl,
  checkRecord,
  finishSignIn,
  isLocalService,
  openConnection,
  recordOf,
  SIGN_IN_MS,
  takeSignIn,
} from '../access/sso.ts'
import { sealSecret } from '../access/sso-secret.ts'
import { DOMAINS_MAX } from '../access/sso-store.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { newToken } from '../people/session-token.ts'
import type { App } from './app.ts'
import { member, principal, signedIn } from './auth.ts'
import { clearSession, refuseForeignPages, requireFresh, startSession } from './session.ts'

const security = [{ key: [] }]
const role = z.enum(['admin', 'developer', 'billing', 'auditor'])
const domain = z
  .string()
  .max(253)
  .transform((text) => text.toLowerCase())
  .refine(
    (text) =>
      /^(?=.{4,253}$)(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z][a-z\d-]{1,62}$/u.test(text),
    {
      error: 'not a domain',
    },
  )
const params = z.object({ domain })
const record = z.object({ name: z.string(), value: z.string() })
/** A sign-in asks the issuer two or three times. */
const config = { rateLimit: { max: 60, timeWindow: 60_000 } }

/** How an organization's people sign in through its own issuer (OpenID Connect). */
export function ssoRoutes(app: App, context: SettlementContext): void {
  connectionRoutes(app, context)
  domainRoutes(app, context)
  signInRoutes(app, context)
}

/** Who decides on the issuer decides who comes in as whom: so only owners do, who have just shown that they are. */
function freshOwner(request: FastifyRequest, { now }: SettlementContext) {
  const by = member(request)
  requireFresh(by.signedIn, now())
  return by
}

function connectionRoutes(app: App, context: SettlementContext): void {
  const { store, now, signer } = context
  app.get(
    '/v1/sso',
    {
      config: { permission: 'settings:read' },
      schema: {
        security,
        response: {
          200: z.object({
            connection: z
              .object({
                issuer: z.string(),
                clientId: z.string(),
                defaultRole: role,
                enforced: z.boolean(),
              })
              .nullable(),
            redirectUri: z.string(),
            domains: z.array(
              z.object({ domain: z.string(), verifiedAt: z.number().nullable(), record }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const connection = (await store.ssoConnection(organization)) ?? null
      const domains = (await store.ssoDomains(organization)).map((one) => ({
        domain: one.domain,
        verifiedAt: one.verifiedAt,
        record: recordOf(one),
      }))
      return { connection, redirectUri: callbackUrl(context, organization), domains }
    },
  )

  app.put(
    '/v1/sso',
    {
      config: { ...config, permission: 'settings:write', people: 'owners' },
      schema: {
        security,
        description:
          'The issuer must answer. With `enforced`, members with an address of a proven domain come through it, but for owners with a passkey.',
        body: z.strictObject({
          issuer: z.string().max(500),
          clientId: z.string().min(1).max(500),
          clientSecret: z.string().min(1).max(500),
          defaultRole: role.default('developer'),
          enforced: z.boolean().default(false),
        }),
        response: { 200: z.object({ redirectUri: z.string() }) },
      },
    },
    async (request) => {
      const { organization } = freshOwner(request, context)
      const { clientSecret, ...given } = request.body
      checkIssuer(given.issuer, isLocalService(context))
      const secretSealed = sealSecret(signer, organization, clientSecret)
      const connection = { organization, ...given, secretSealed }
      await openConnection(context, connection)
      await store.setSsoConnection(connection, now())
      return { redirectUri: callbackUrl(context, organization) }
    },
  )

  app.delete(
    '/v1/sso',
    {
      config: { permission: 'settings:write', people: 'owners' },
      schema: { security, response: { 200: z.object({ connection: z.null() }) } },
    },
    async (request) => {
      const { organization } = freshOwner(request, context)
      await store.dropSsoConnection(organization)
      return { connection: null }
    },
  )
}

function domainRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  app.post(
    '/v1/sso/domains',
    {
      config: { permission: 'settings:write', people: 'owners' },
      schema: {
        security,
        description: 'Answers with the TXT record that proves whose domain it is',
        body: z.strictObject({ domain }),
        response: { 200: z.object({ domain: z.string(), record }) },
      },
    },
    async (request) => {
      const { organization } = freshOwner(request, context)
      const { domain: name } = request.body
      const token = await store.addSsoDomain(organization, name, newToken().token, now())
      if (token === undefined) {
        throw new SettlementError('HANSE_REQUEST_INVALID', `${DOMAINS_MAX} domains at most`)
      }
      return { domain: name, record: recordOf({ domain: name, token }) }
    },
  )

  app.post(
    '/v1/sso/domains/:domain/verify',
    {
      config: { ...config, permission: 'settings:write', people: 'owners' },
      schema: { security, params, response: { 200: z.object({ domain: z.string() }) } },
    },
    async (request) => {
      const { organization } = freshOwner(request, context)
      const { domain: name } = request.params
      const found = (await store.ssoDomains(organization)).find((one) => one.domain === name)
      if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such domain')
      await checkRecord(context, found)
      if (await store.verifySsoDomain(organization, name, now())) return { domain: name }
      throw new SettlementError('HANSE_DOMAIN_TAKEN', 'another organization has proven it')
    },
  )

  app.delete(
    '/v1/sso/domains/:domain',
    {
      config: { permission: 'settings:write', people: 'owners' },
      schema: { security, params, response: { 200: z.object({ domain: z.string() }) } },
    },
    async (request) => {
      const { organization } = freshOwner(request, context)
      const { domain: name } = request.params
      if (await store.dropSsoDomain(organization, name)) return { domain: name }
      throw new SettlementError('HANSE_NOT_FOUND', 'no such domain')
    },
  )
}

function signInRoutes(app: App, context: SettlementContext): void {
  const { store } = context
  app.post(
    '/v1/sso/sign-in',
    {
      config: { ...config, access: 'public' },
      preHandler: refuseForeignPages,
      schema: {
        description:
          'Where to go to sign in, for an address of a domain whose organization has an issuer',
        body: z.strictObject({ email: z.email().max(254) }),
        response: { 200: z.object({ url: z.string() }) },
      },
    },
    async (request, reply) => {
      const organization = await store.ssoOrganizationOf(request.body.email.toLowerCase())
      if (organization === undefined)
        throw new SettlementError('HANSE_NOT_FOUND', 'no sign-in here')
      const { url, browser } = await beginSignIn(context, organization)
      reply.setCookie(cookieName(context), browser, {
        ...cookieOptions(context),
        maxAge: SIGN_IN_MS / 1000,
      })
      return { url }
    },
  )

  app.get(
    '/v1/sso/callback/:organization',
    {
      config: { ...config, access: 'public' },
      schema: {
        description: 'Where the issuer sends the browser back to',
        params: z.object({ organization: z.string().max(64) }),
      },
    },
    (request, reply) => comeBack(context, request, reply, request.params.organization),
  )

  app.post(
    '/v1/sso/sign-out',
    {
      config: { access: 'person', whileRestricted: true },
      schema: {
        description:
          'Ends the session, and says where the one at the issuer is ended, if it is anywhere',
        response: { 200: z.object({ url: z.string().nullable() }) },
      },
    },
    async (request, reply) => {
      const { person, session } = signedIn(request)
      const through = await store.ssoOrganizationOfSession(session)
      await store.revokePersonSession(person, session, context.now())
      clearSession(request, reply)
      return { url: through === undefined ? null : await endUrl(context, through) }
    },
  )
}

async function comeBack(
  context: SettlementContext,
  request: FastifyRequest,
  reply: FastifyReply,
  organization: string,
) {
  const { store, now, publicUrl, webOrigin } = context
  const browser = request.cookies[cookieName(context)] ?? ''
  reply.clearCookie(cookieName(context), cookieOptions(context))
  const url = new URL(request.url, publicUrl())
  const begun = await takeSignIn(context, { organization, url, browser })
  const entry = { organization, action: 'sign-in sso', targets: {}, address: request.ip }
  const { person, isNew } = await finishSignIn(context, begun, url).catch(
    async (error: unknown) => {
      // Of what nobody began here nothing is written: strangers could fill the log.
      await recordAccess(store, { ...entry, actor: 'sso', outcome: refusalIn(error), at: now() })
      throw error
    },
  )
  const session = await startSession(request, reply, store, { person, factors: ['sso'] })
  await store.markSsoSession(session, organization)
  await recordAccess(store, {
    ...entry,
    actor: `person:${person}`,
    ...(isNew && { action: 'sign-in sso, first' }),
    outcome: 'ok',
    at: now(),
  })
  // A website leads on from there; the service alone has no page but its own.
  return reply.redirect(webOrigin === undefined ? publicUrl() : `${webOrigin}/account`, 303)
}

const refusalIn = (error: unknown): string =>
  error instanceof SettlementError && error.code === 'HANSE_SSO_FAILED' ? 'refused' : 'failed'

/** An issuer that does not answer keeps nobody signed in here. */
async function endUrl(context: SettlementContext, organization: string): Promise<string | null> {
  const connection = await context.store.ssoConnection(organization)
  if (connection === undefined) return null
  try {
    const config = await openConnection(context, connection)
    if (config.serverMetadata().end_session_endpoint === undefined) return null
    return buildEndSessionUrl(config).href
  } catch (error) {
    if (error instanceof SettlementError) return null
    throw error
  }
}

const isHttps = ({ publicUrl }: SettlementContext) => publicUrl().startsWith('https:')
const cookieName = (context: SettlementContext): string =>
  isHttps(context) ? '__Host-hanse_sso' : 'hanse_sso'
/** Lax: the issuer's page sends the browser back here. */
const cookieOptions = (context: SettlementContext) =>
  ({ httpOnly: true, sameSite: 'lax', secure: isHttps(context), path: '/' }) as const
