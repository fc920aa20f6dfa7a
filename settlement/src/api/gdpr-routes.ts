import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { tell } from '../people/links.ts'
import { MAILS } from '../people/mails.ts'
import { eraseOnRequest } from '../rights/ask.ts'
import { BASES, BASIS_PURPOSES, BASIS_TEXT, BASIS_VERSION } from '../rights/lawful-basis.ts'
import type { App } from './app.ts'
import { member, principal, signedIn } from './auth.ts'
import { background } from './background.ts'
import { basesSchema, erasureSchema, toErasureJson } from './gdpr-schemas.ts'
import { gdprSubjectRoutes } from './gdpr-subject-routes.ts'
import { recordOwn } from './people-schemas.ts'
import { clearSession, requireFresh } from './session.ts'

const key = [{ key: [] }]
const session = [{ session: [] }]

/** Organizations and people, about their own data. */
export function gdprRoutes(app: App, context: SettlementContext): void {
  gdprSubjectRoutes(app, context, {
    prefix: '/v1/gdpr',
    read: { permission: 'audit:read', people: 'owners', whileRestricted: true },
    write: { permission: 'settings:write', people: 'owners', whileRestricted: true },
    security: key,
    subjectOf: (request) => ({ kind: 'organization', id: principal(request).organization }),
    actorOf: (request) => principal(request).actor,
  })
  gdprSubjectRoutes(app, context, {
    prefix: '/v1/gdpr/me',
    read: { access: 'person' },
    write: { access: 'person', whileRestricted: true },
    security: session,
    subjectOf: (request) => ({ kind: 'person', id: signedIn(request).person }),
    actorOf: (request) => `person:${signedIn(request).person}`,
  })
  basisRoutes(app, context)
  eraseRoutes(app, context)
}

function basisRoutes(app: App, { store, now }: SettlementContext): void {
  const answer = async (organization: string): Promise<z.output<typeof basesSchema>> => ({
    text: BASIS_TEXT,
    version: BASIS_VERSION,
    bases: await store.lawfulBases(organization),
  })

  app.get(
    '/v1/gdpr/bases',
    {
      config: { permission: 'settings:read' },
      schema: {
        security: key,
        description:
          'On what basis the organization has its data processed, now and before, and the text that it is stated to.',
        response: { 200: basesSchema },
      },
    },
    async (request) => answer(principal(request).organization),
  )

  app.post(
    '/v1/gdpr/bases',
    {
      config: { permission: 'settings:write' },
      schema: {
        security: key,
        description:
          'States on what basis data are processed for a purpose (GDPR, Article 6(1)). Without one no authorization is given.',
        body: z.strictObject({
          purpose: z.enum(BASIS_PURPOSES).default('inference'),
          basis: z.enum(BASES),
        }),
        response: { 200: basesSchema },
      },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      await store.giveBasis({ organization, ...request.body, by: actor, at: now() })
      return answer(organization)
    },
  )

  app.delete(
    '/v1/gdpr/bases',
    {
      config: { permission: 'settings:write', whileRestricted: true },
      schema: {
        security: key,
        description:
          'Withdraws the basis: processing stops at once. No authorization is given any more, and open ones are revoked.',
        querystring: z.strictObject({ purpose: z.enum(BASIS_PURPOSES).default('inference') }),
        response: { 200: basesSchema.extend({ revoked: z.number() }) },
      },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      const { purpose } = request.query
      const revoked = await store.withdrawBasis({ organization, purpose, by: actor, at: now() })
      if (revoked === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no basis stands')
      return { ...(await answer(organization)), revoked }
    },
  )
}

function eraseRoutes(app: App, context: SettlementContext): void {
  const { now } = context
  const later = background(app)

  app.post(
    '/v1/gdpr/erase',
    {
      config: { permission: 'settings:write', people: 'owners', whileRestricted: true },
      schema: {
        security: key,
        description:
          'Erases the organization, for good. What the law wants kept is named in the answer. Wants a fresh sign-in, and the organization’s id once more. What is left of prepaid money is paid out before, or given up.',
        body: z.strictObject({
          confirm: z.string().max(64),
          giveUpBalance: z.boolean().default(false),
        }),
        response: { 200: erasureSchema },
      },
    },
    async (request) => {
      const { organization, actor, signedIn: proof } = member(request)
      requireFresh(proof, now())
      const { confirm, giveUpBalance } = request.body
      if (confirm !== organization) {
        throw new SettlementError(
          'HANSE_REQUEST_INVALID',
          'confirm: not the id of the organization',
        )
      }
      const subject = { kind: 'organization', id: organization } as const
      return toErasureJson(
        await eraseOnRequest(context, { subject, by: actor, givesUpBalance: giveUpBalance }),
      )
    },
  )

  app.post(
    '/v1/gdpr/me/erase',
    {
      config: { access: 'person', whileRestricted: true },
      schema: {
        security: session,
        description:
          'Erases the account, for good, as `DELETE /v1/account` does, and answers with what was done. Wants a fresh sign-in.',
        response: { 200: erasureSchema },
      },
    },
    async (request, reply) => {
      const proof = signedIn(request)
      requireFresh(proof, now())
      const subject = { kind: 'person', id: proof.person } as const
      const by = `person:${proof.person}`
      const erased = await eraseOnRequest(context, { subject, by, givesUpBalance: false })
      clearSession(request, reply)
      later(recordOwn(context, request, proof.person, 'erase', { address: null }))
      if (erased.email !== undefined) later(tell(context, erased.email, MAILS.erased()))
      return toErasureJson(erased)
    },
  )
}
