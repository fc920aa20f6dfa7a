import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { checkPassword, hashPassword } from '../people/password.ts'
import { emailAddress } from '../people/person.ts'
import { hashToken } from '../people/session-token.ts'
import { badLink, verifyEmail } from '../people/sign-in.ts'
import { accountAttempts } from '../people/sign-in-limits.ts'
import { askForReset, signUp } from '../people/sign-up.ts'
import type { App } from './app.ts'
import type { Background } from './background.ts'
import {
  ACCEPTED,
  accepted,
  DONE,
  done,
  linkToken,
  passwordText,
  personName,
  recordOwn,
  secondFactorBody,
  signedInSchema,
} from './people-schemas.ts'
import { startSession } from './session.ts'

/** How an account begins, and how its person comes back who forgot the password: by what is in their mail. */
export function signUpRoutes(app: App, context: SettlementContext, later: Background): void {
  const { store, now } = context

  app.post(
    '/v1/sign-up',
    {
      config: { access: 'public' },
      schema: {
        description:
          'Opens an account. The answer is the same for every address; the rest is in the mail.',
        body: z.strictObject({
          email: emailAddress,
          password: passwordText,
          name: personName.default(''),
        }),
        response: { 202: accepted },
      },
    },
    async (request, reply) => {
      later((await signUp(context, { ...request.body, address: request.ip }))())
      return reply.code(202).send(ACCEPTED)
    },
  )

  app.post(
    '/v1/verify-email',
    {
      config: { access: 'link' },
      schema: {
        description:
          'Confirms an address with the token of its link and the password, and signs in.',
        body: z.strictObject({ token: linkToken, password: passwordText, ...secondFactorBody }),
        response: { 200: signedInSchema },
      },
    },
    async (request, reply) => {
      const { token, ...proof } = request.body
      const { person, factors } = await verifyEmail(context, token, given(proof), request.ip)
      const session = await startSession(request, reply, store, { person: person.id, factors })
      later(recordOwn(context, request, person.id, 'verify-email'))
      return { person: person.id, session, factors: [...factors] }
    },
  )

  app.post(
    '/v1/password-reset',
    {
      config: { access: 'public' },
      schema: {
        description: 'Sends a link for a new password, if anybody has this address.',
        body: z.strictObject({ email: emailAddress }),
        response: { 202: accepted },
      },
    },
    async (request, reply) => {
      later((await askForReset(context, request.body.email, request.ip))())
      return reply.code(202).send(ACCEPTED)
    },
  )

  app.post(
    '/v1/password-reset/confirm',
    {
      config: { access: 'link' },
      schema: {
        description:
          'Sets a new password with the token of its link, confirms the address and ends all sessions. It signs nobody in: a second factor is asked for as always.',
        body: z.strictObject({ token: linkToken, password: passwordText }),
        response: { 200: done },
      },
    },
    async (request) => {
      const { token, password } = request.body
      const hash = hashToken(token)
      const person = await store.personByLink(hash, 'reset', now())
      if (person === undefined || person.isDisabled) throw badLink()
      checkPassword(password, person.email)
      if (!(await store.resetPassword(hash, await hashPassword(password), now()))) throw badLink()
      await store.forgiveSignInAttempt(accountAttempts(person.email).subject, null)
      later(recordOwn(context, request, person.id, 'reset-password'))
      return DONE
    },
  )
}

/** Without what was not sent. */
export function given<Proof extends { password: string }>({
  code,
  recoveryCode,
  ...rest
}: Proof & { code?: string | undefined; recoveryCode?: string | undefined }) {
  return {
    ...rest,
    ...(code !== undefined && { code }),
    ...(recoveryCode !== undefined && { recoveryCode }),
  }
}
