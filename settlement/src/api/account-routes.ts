import { z } from 'zod'
import { recordAccess } from '../access/access-log.ts'
import type { SettlementContext } from '../context.ts'
import { askForAddress, changeAddress } from '../people/change-address.ts'
import { foundOrganization } from '../people/found-organization.ts'
import { tell, tellOfChange } from '../people/links.ts'
import { MAILS } from '../people/mails.ts'
import { checkPassword, hashPassword } from '../people/password.ts'
import { emailAddress } from '../people/person.ts'
import { provePassword } from '../people/sign-in.ts'
import { eraseSubject } from '../rights/erase-subject.ts'
import { BASES } from '../rights/lawful-basis.ts'
import { SCOPES } from '../tenants/key-scopes.ts'
import type { App } from './app.ts'
import type { Background } from './background.ts'
import {
  ACCEPTED,
  accepted,
  accountOf,
  DONE,
  done,
  linkToken,
  passwordText,
  personName,
  recordOwn,
  security,
} from './people-schemas.ts'
import { requestOf } from './record-changes.ts'
import { money } from './schemas.ts'
import { clearSession, requireFresh, startSession } from './session.ts'

const accountSchema = z.object({
  person: z.string(),
  email: z.string(),
  name: z.string(),
  emailVerified: z.boolean(),
  hasPassword: z.boolean(),
  hasTotp: z.boolean(),
  recoveryCodesLeft: z.number(),
  session: z.string(),
  factors: z.array(z.string()),
  authenticatedAt: z.number(),
  /** The processing of their data is restricted (GDPR, Article 18). */
  isRestricted: z.boolean(),
})

/** What a person has here. */
export function accountRoutes(app: App, context: SettlementContext, later: Background): void {
  const { store, now } = context

  app.get(
    '/v1/account',
    { config: { access: 'person' }, schema: { security, response: { 200: accountSchema } } },
    async (request) => {
      const { person, signedIn } = await accountOf(request, context)
      return {
        person: person.id,
        email: person.email,
        name: person.name,
        emailVerified: person.isVerified,
        hasPassword: person.passwordHash !== null,
        hasTotp: person.hasTotp,
        recoveryCodesLeft: await store.recoveryCodesLeft(person.id),
        session: signedIn.session,
        factors: [...signedIn.factors],
        authenticatedAt: signedIn.authenticatedAt,
        isRestricted: signedIn.isRestricted,
      }
    },
  )

  app.patch(
    '/v1/account',
    {
      config: { access: 'person', whileRestricted: true },
      schema: { security, body: z.strictObject({ name: personName }), response: { 200: done } },
    },
    async (request) => {
      const { person } = await accountOf(request, context)
      await store.setPersonName(person.id, request.body.name)
      later(recordOwn(context, request, person.id, 'rename'))
      return DONE
    },
  )

  app.post(
    '/v1/account/email',
    {
      config: { access: 'person', whileRestricted: true },
      schema: {
        description:
          'Sends a link to another address; the old one is told. Wants a fresh sign-in. The answer is the same for every address.',
        security,
        body: z.strictObject({ email: emailAddress }),
        response: { 202: accepted },
      },
    },
    async (request, reply) => {
      const { person, signedIn } = await accountOf(request, context)
      requireFresh(signedIn, now())
      later((await askForAddress(context, person, request.body.email))())
      return reply.code(202).send(ACCEPTED)
    },
  )

  app.post(
    '/v1/account/email/confirm',
    {
      config: { access: 'person', whileRestricted: true },
      schema: {
        description: 'Takes the address that the link was sent to, for the person who asked.',
        security,
        body: z.strictObject({ token: linkToken }),
        response: { 200: z.object({ email: z.string() }) },
      },
    },
    async (request) => {
      const { person } = await accountOf(request, context)
      const { before, after } = await changeAddress(context, person.id, request.body.token)
      later(recordOwn(context, request, person.id, 'change-email'))
      later(tell(context, before, MAILS.moved()))
      return { email: after }
    },
  )

  app.delete(
    '/v1/account',
    {
      config: { access: 'person', whileRestricted: true },
      schema: {
        description:
          'Erases the account, for good: address, name and means of signing in, and the place in every organization with the keys that were made there. Wants a fresh sign-in.',
        security,
        response: { 200: done },
      },
    },
    async (request, reply) => {
      const { person, signedIn } = await accountOf(request, context)
      requireFresh(signedIn, now())
      const subject = { kind: 'person', id: person.id } as const
      const { email } = await eraseSubject(context, { subject, at: now(), givesUpBalance: false })
      clearSession(request, reply)
      // Who is gone came from nowhere.
      later(recordOwn(context, request, person.id, 'erase', { address: null }))
      if (email !== undefined) later(tell(context, email, MAILS.erased()))
      return DONE
    },
  )

  app.post(
    '/v1/account/password',
    {
      config: { access: 'person', whileRestricted: true },
      schema: {
        description:
          'Changes the password and ends all other sessions. Who has one gives it; who has none must have signed in within ten minutes.',
        security,
        body: z.strictObject({ current: passwordText.optional(), password: passwordText }),
        response: { 200: done },
      },
    },
    async (request, reply) => {
      const { person, signedIn } = await accountOf(request, context)
      const { current, password } = request.body
      if (person.passwordHash === null) requireFresh(signedIn, now())
      else await provePassword(context, person, current ?? '', request.ip)
      checkPassword(password, person.email)
      await store.setPassword(person.id, await hashPassword(password))
      const session = await startSession(request, reply, store, {
        person: person.id,
        factors: signedIn.factors,
        continues: signedIn,
      })
      await store.revokePersonSessions(person.id, now(), session)
      later(recordOwn(context, request, person.id, 'change-password'))
      later(tellOfChange(context, person.email, 'The password of your account was changed.'))
      return DONE
    },
  )

  app.post(
    '/v1/organizations',
    {
      config: { access: 'person' },
      schema: {
        description:
          'Makes an organization that belongs to whoever is signed in, with a first key, and with the credit of a trial for who has not had it.',
        security,
        body: z.strictObject({
          name: z.string().trim().min(1).max(200),
          scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length).default(['read', 'spend']),
          lawfulBasis: z.enum(BASES).optional(),
        }),
        response: {
          200: z.object({ organization: z.string(), apiKey: z.string(), trialCredit: money }),
        },
      },
    },
    async (request) => {
      const { person } = await accountOf(request, context)
      const scopes = [...new Set(request.body.scopes)]
      const { name, lawfulBasis } = request.body
      const founded = await foundOrganization(context, person, { name, scopes, lawfulBasis })
      await recordAccess(store, {
        organization: founded.organization,
        actor: `person:${person.id}`,
        action: 'POST /v1/organizations',
        targets: {},
        outcome: '200',
        address: request.ip,
        at: now(),
        ...requestOf(request),
      })
      return founded
    },
  )
}
