import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { tellOfChange } from '../people/links.ts'
import { hashRecoveryCode, newRecoveryCodes } from '../people/recovery-codes.ts'
import { throttled } from '../people/sign-in.ts'
import { accountAttempts } from '../people/sign-in-limits.ts'
import { newTotpSecret, openTotp, sealTotp, totpSetup, totpStep } from '../people/totp.ts'
import type { App } from './app.ts'
import type { Background } from './background.ts'
import { requireOperatorFactor } from './find-operator.ts'
import { accountOf, DONE, done, recordOwn, security, totpText } from './people-schemas.ts'
import { requireFresh, startSession } from './session.ts'

const codesSchema = z.object({ recoveryCodes: z.array(z.string()) })

/** The authenticator app. All of it wants a fresh proof of who asks. */
export function totpRoutes(app: App, context: SettlementContext, later: Background): void {
  const { store, signer, now } = context

  app.post(
    '/v1/account/totp',
    {
      config: { access: 'person' },
      schema: {
        description: 'Begins with an authenticator app. It counts once a code of it was sent.',
        security,
        response: { 200: z.object({ secret: z.string(), uri: z.string() }) },
      },
    },
    async (request) => {
      const { person, signedIn } = await accountOf(request, context)
      requireFresh(signedIn, now())
      await requireOperatorFactor(signedIn, store)
      const secret = newTotpSecret()
      if (!(await store.beginTotp(person.id, sealTotp(signer, person.id, secret), now()))) {
        throw new SettlementError(
          'HANSE_SIGN_IN_MEANS',
          'remove the app that the account has first',
        )
      }
      return totpSetup(secret, person.email)
    },
  )

  app.post(
    '/v1/account/totp/confirm',
    {
      config: { access: 'person' },
      schema: {
        description:
          'From now on a password needs a code as well. Answers with recovery codes, once; all other sessions end.',
        security,
        body: z.strictObject({ code: totpText }),
        response: { 200: codesSchema },
      },
    },
    async (request, reply) => {
      const { person, signedIn } = await accountOf(request, context)
      requireFresh(signedIn, now())
      await requireOperatorFactor(signedIn, store)
      await throttled(context, [accountAttempts(person.email)])
      const totp = await store.totp(person.id)
      const secret = totp && !totp.isConfirmed && openTotp(signer, person.id, totp.sealed)
      const step = secret && totpStep(secret, request.body.code, now())
      const codes = newRecoveryCodes()
      const hashes = codes.map((code) => hashRecoveryCode(person.id, code))
      if (!step || !(await store.confirmTotp(person.id, step, hashes, now()))) {
        throw new SettlementError('HANSE_SIGN_IN_REFUSED', 'this is no code of the app')
      }
      await store.forgiveSignInAttempt(accountAttempts(person.email).subject, null)
      const factors = [...new Set([...signedIn.factors, 'totp' as const])]
      const session = await startSession(request, reply, store, {
        person: person.id,
        factors,
        continues: signedIn,
      })
      await store.revokePersonSessions(person.id, now(), session)
      later(recordOwn(context, request, person.id, 'add-totp'))
      later(tellOfChange(context, person.email, 'An authenticator app was added to your account.'))
      return { recoveryCodes: codes }
    },
  )

  app.delete(
    '/v1/account/totp',
    { config: { access: 'person' }, schema: { security, response: { 200: done } } },
    async (request, reply) => {
      const { person, signedIn } = await accountOf(request, context)
      requireFresh(signedIn, now())
      await requireOperatorFactor(signedIn, store)
      if (!(await store.removeTotp(person.id))) {
        throw new SettlementError('HANSE_NOT_FOUND', 'the account has no authenticator app')
      }
      await startSession(request, reply, store, {
        person: person.id,
        factors: signedIn.factors,
        continues: signedIn,
      })
      later(recordOwn(context, request, person.id, 'remove-totp'))
      later(
        tellOfChange(context, person.email, 'The authenticator app was removed from your account.'),
      )
      return DONE
    },
  )

  app.post(
    '/v1/account/recovery-codes',
    {
      config: { access: 'person' },
      schema: {
        description: 'Makes new recovery codes; those from before are good for nothing.',
        security,
        response: { 200: codesSchema },
      },
    },
    async (request) => {
      const { person, signedIn } = await accountOf(request, context)
      requireFresh(signedIn, now())
      await requireOperatorFactor(signedIn, store)
      if (!person.hasTotp) {
        throw new SettlementError('HANSE_NOT_FOUND', 'the account has no authenticator app')
      }
      const codes = newRecoveryCodes()
      const hashes = codes.map((code) => hashRecoveryCode(person.id, code))
      await store.setRecoveryCodes(person.id, hashes, now())
      later(recordOwn(context, request, person.id, 'new-recovery-codes'))
      later(tellOfChange(context, person.email, 'Your account has new recovery codes.'))
      return { recoveryCodes: codes }
    },
  )
}
