import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { emailAddress } from '../people/person.ts'
import { signIn } from '../people/sign-in.ts'
import type { App } from './app.ts'
import { signedIn } from './auth.ts'
import type { Background } from './background.ts'
import {
  DONE,
  done,
  passwordText,
  recordOwn,
  secondFactorBody,
  security,
  signedInSchema,
} from './people-schemas.ts'
import { clearSession, personOf, startSession } from './session.ts'
import { given } from './sign-up-routes.ts'

const sessionSchema = z.object({
  id: z.string(),
  isThis: z.boolean(),
  createdAt: z.number(),
  seenAt: z.number(),
  expiresAt: z.number(),
  userAgent: z.string().nullable(),
  factors: z.array(z.string()),
})

/** Sessions: how they begin, which there are, and how they end. */
export function signInRoutes(app: App, context: SettlementContext, later: Background): void {
  const { store, now } = context

  app.post(
    '/v1/sign-in',
    {
      config: { access: 'public' },
      schema: {
        description:
          'Signs in and sets the session’s cookie. HANSE_SECOND_FACTOR asks for the same again with a code. Who is signed in proves anew who they are by signing in again.',
        body: z.strictObject({ email: emailAddress, password: passwordText, ...secondFactorBody }),
        response: { 200: signedInSchema },
      },
    },
    async (request, reply) => {
      const { person, factors } = await signIn(context, given(request.body), request.ip).catch(
        (error: unknown) => {
          later(recordRefusal(request.body.email, request, error))
          throw error
        },
      )
      const session = await startSession(request, reply, store, { person: person.id, factors })
      later(recordOwn(context, request, person.id, 'sign-in', { targets: { session } }))
      return { person: person.id, session, factors: [...factors] }
    },
  )

  /** After the answer, which must take as long for an address that nobody has. */
  async function recordRefusal(
    email: string,
    request: Parameters<typeof recordOwn>[1],
    error: unknown,
  ): Promise<void> {
    if (!(error instanceof SettlementError) || error.code !== 'HANSE_SIGN_IN_REFUSED') return
    const person = await store.personByEmail(email)
    if (person === undefined) return
    await recordOwn(context, request, person.id, 'sign-in', { outcome: 'refused' })
  }

  app.post(
    '/v1/sign-out',
    { config: { access: 'public' }, schema: { security, response: { 200: done } } },
    async (request, reply) => {
      const signedIn = await personOf(request, store)
      if (signedIn !== undefined) {
        await store.revokePersonSession(signedIn.person, signedIn.session, now())
        later(recordOwn(context, request, signedIn.person, 'sign-out'))
      }
      clearSession(request, reply)
      return DONE
    },
  )

  app.get(
    '/v1/account/sessions',
    {
      config: { access: 'person' },
      schema: { security, response: { 200: z.object({ sessions: z.array(sessionSchema) }) } },
    },
    async (request) => {
      const { person, session } = signedIn(request)
      const sessions = await store.personSessions(person, now())
      return {
        sessions: sessions.map(({ id, createdAt, seenAt, expiresAt, userAgent, factors }) => ({
          id,
          isThis: id === session,
          createdAt,
          seenAt,
          expiresAt,
          userAgent,
          factors: [...factors],
        })),
      }
    },
  )

  app.delete(
    '/v1/account/sessions/:session',
    {
      config: { access: 'person', whileRestricted: true },
      schema: {
        security,
        params: z.object({ session: z.string().max(64) }),
        response: { 200: done },
      },
    },
    async (request) => {
      const { person } = signedIn(request)
      const { session } = request.params
      if (!(await store.revokePersonSession(person, session, now()))) {
        throw new SettlementError('HANSE_NOT_FOUND', 'no such session')
      }
      later(recordOwn(context, request, person, 'end-session', { targets: { session } }))
      return DONE
    },
  )

  app.delete(
    '/v1/account/sessions',
    {
      config: { access: 'person', whileRestricted: true },
      schema: {
        description: 'Ends all sessions but the one that asks.',
        security,
        response: { 200: z.object({ ended: z.number() }) },
      },
    },
    async (request) => {
      const { person, session } = signedIn(request)
      const ended = await store.revokePersonSessions(person, now(), session)
      later(recordOwn(context, request, person, 'end-sessions'))
      return { ended }
    },
  )
}
