import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { tellOfChange } from '../people/links.ts'
import { keepPasskey, passkeyToMake, passkeyToUse, personOfPasskey } from '../people/passkeys.ts'
import type { App } from './app.ts'
import { signedIn } from './auth.ts'
import type { Background } from './background.ts'
import { requireOperatorFactor } from './find-operator.ts'
import { accountOf, DONE, done, recordOwn, security, signedInSchema } from './people-schemas.ts'
import { requireFresh, startSession } from './session.ts'

/** Each leaves a row for five minutes; a person asks a few times. */
const OPTIONS_PER_MINUTE = 60
const limited = { rateLimit: { max: OPTIONS_PER_MINUTE, timeWindow: 60_000 } }
/** The longest is an attestation with its certificates. */
const ENCODED_MAX = 16_384
const encoded = z.string().max(ENCODED_MAX)
/** What browsers make of options, or of an answer, is a standard's (WebAuthn 3, 5.1 and 5.4): the library reads and writes it. */
const options = z.looseObject({ challenge: z.string() })
const answer = z.looseObject({
  id: z.string().min(1).max(1400),
  rawId: z.string().min(1).max(1400),
  type: z.literal('public-key'),
  clientExtensionResults: z.looseObject({}).default({}),
})
const made = answer.extend({
  response: z.looseObject({ clientDataJSON: encoded, attestationObject: encoded }),
})
const used = answer.extend({
  response: z.looseObject({
    clientDataJSON: encoded,
    authenticatorData: encoded,
    signature: encoded,
    userHandle: encoded.optional(),
  }),
})
const passkeySchema = z.object({
  id: z.string(),
  name: z.string(),
  backedUp: z.boolean(),
  createdAt: z.number(),
  usedAt: z.number().nullable(),
})

/** Passkeys: kept by the person's devices, good for this site only, and with nothing to be stolen here. */
export function passkeyRoutes(app: App, context: SettlementContext, later: Background): void {
  const { store, now } = context

  app.post(
    '/v1/sign-in/passkey/options',
    { config: { ...limited, access: 'public' }, schema: { response: { 200: options } } },
    async () => ({ ...(await passkeyToUse(context)) }),
  )

  app.post(
    '/v1/sign-in/passkey',
    {
      config: { access: 'public' },
      schema: {
        description:
          'Signs in with what the browser answered. Wrong passwords of whomever never stand in its way.',
        body: z.strictObject({ response: used }),
        response: { 200: signedInSchema },
      },
    },
    async (request, reply) => {
      const response = request.body.response as unknown as AuthenticationResponseJSON
      const person = await personOfPasskey(context, response)
      const session = await startSession(request, reply, store, { person, factors: ['passkey'] })
      later(recordOwn(context, request, person, 'sign-in', { targets: { session } }))
      return { person, session, factors: ['passkey'] }
    },
  )

  app.get(
    '/v1/account/passkeys',
    {
      config: { access: 'person' },
      schema: { security, response: { 200: z.object({ passkeys: z.array(passkeySchema) }) } },
    },
    async (request) => {
      const { person } = signedIn(request)
      const passkeys = await store.passkeys(person)
      return {
        passkeys: passkeys.map(({ id, name, backedUp, createdAt, usedAt }) => ({
          id,
          name,
          backedUp,
          createdAt,
          usedAt,
        })),
      }
    },
  )

  app.post(
    '/v1/account/passkeys/options',
    { config: { ...limited, access: 'person' }, schema: { security, response: { 200: options } } },
    async (request) => {
      const { person, signedIn } = await accountOf(request, context)
      requireFresh(signedIn, now())
      await requireOperatorFactor(signedIn, store)
      return { ...(await passkeyToMake(context, person)) }
    },
  )

  app.post(
    '/v1/account/passkeys',
    {
      config: { access: 'person' },
      schema: {
        security,
        body: z.strictObject({ name: z.string().trim().max(100).default(''), response: made }),
        response: { 200: z.object({ id: z.string() }) },
      },
    },
    async (request, reply) => {
      const { person, signedIn } = await accountOf(request, context)
      requireFresh(signedIn, now())
      await requireOperatorFactor(signedIn, store)
      const { name, response } = request.body
      const id = await keepPasskey(
        context,
        person,
        name,
        response as unknown as RegistrationResponseJSON,
      )
      await startSession(request, reply, store, {
        person: person.id,
        factors: signedIn.factors,
        continues: signedIn,
      })
      later(recordOwn(context, request, person.id, 'add-passkey', { targets: { passkey: id } }))
      later(tellOfChange(context, person.email, 'A passkey was added to your account.'))
      return { id }
    },
  )

  app.delete(
    '/v1/account/passkeys/:passkey',
    {
      config: { access: 'person', whileRestricted: true },
      schema: {
        security,
        params: z.object({ passkey: z.string().max(200) }),
        response: { 200: done },
      },
    },
    async (request, reply) => {
      const { person, signedIn } = await accountOf(request, context)
      requireFresh(signedIn, now())
      await requireOperatorFactor(signedIn, store)
      const { passkey } = request.params
      const outcome = await store.removePasskey(person.id, passkey)
      if (outcome === 'unknown') throw new SettlementError('HANSE_NOT_FOUND', 'no such passkey')
      if (outcome === 'last') {
        throw new SettlementError('HANSE_SIGN_IN_MEANS', 'nothing else signs you in')
      }
      await startSession(request, reply, store, {
        person: person.id,
        factors: signedIn.factors,
        continues: signedIn,
      })
      later(recordOwn(context, request, person.id, 'remove-passkey', { targets: { passkey } }))
      later(tellOfChange(context, person.email, 'A passkey was removed from your account.'))
      return DONE
    },
  )
}
