import { ApiError, type Body, type Client, type ClientOptions, createClient } from '@hanse/client'
import { siteConfig } from './site-config.ts'

/** The settlement service, as this site asks it. Everything here rejects with an `ApiError`. */

export type { Client }
export { ApiError }

export type Proof = {
  readonly email: string
  readonly password: string
  readonly code?: string
  readonly recoveryCode?: string
}
export type Account = { readonly email: string; readonly name: string }
export type Plan = {
  readonly plan: string
  readonly title: string
  readonly cents: bigint
  readonly creditCents: bigint
}
export type Terms = { readonly feeBps: number; readonly payoutMinimumCents: bigint }

/** As the document of the API has it: the browser's own types leave `type` open. */
type SignedAnswer = Body<'/v1/sign-in/passkey', 'post'>['response']

/** A password is hashed for a moment, and a mail is not waited for; longer is a fault. */
const timeoutMs = 15_000
/** A person looks at it: two tries more, and then they are told and may try themselves. */
const attempts = 3

const clients = new Map<string, Promise<Client>>()

/** Of who is signed in, and of one of their organizations where one is given. */
export const personal = (organization = ''): Promise<Client> => clientOf(`person ${organization}`)

/** Of an operator; the first call says what is done about what is refused. */
export const operating = (onRefused: NonNullable<ClientOptions['onRefused']>): Promise<Client> =>
  clientOf('operator', onRefused)

/** Of everybody: without a cookie, so that any site may show it. */
export const everybody = (): Promise<Client> => clientOf('open')

function clientOf(who: string, onRefused?: ClientOptions['onRefused']): Promise<Client> {
  const known = clients.get(who)
  if (known !== undefined) return known
  const [kind, organization = ''] = who.split(' ')
  const made = settlementUrl().then((baseUrl) =>
    createClient({
      baseUrl,
      timeoutMs,
      attempts,
      session: kind !== 'open',
      ...(organization !== '' && { organization }),
      ...(onRefused !== undefined && { onRefused }),
    }),
  )
  clients.set(who, made)
  // The next one asks again where the service is.
  made.catch(() => clients.delete(who))
  return made
}

async function settlementUrl(): Promise<string> {
  try {
    return (await siteConfig()).settlementUrl
  } catch (cause) {
    const fault = {
      code: 'HANSE_SETTLEMENT_UNAVAILABLE',
      detail: String(cause),
      advice: '',
      retry: true,
    }
    throw new ApiError(fault, { cause })
  }
}

/** What a model costs elsewhere, for a million tokens, in the currency of its card. */
export type RateCard = {
  readonly card: string
  readonly publisher: string
  readonly currency: string
  /** The day on which somebody looked. */
  readonly retrieved: string
  readonly source: string
  readonly verified: boolean
  readonly models: readonly {
    readonly model: string
    readonly input: string
    readonly output: string
    readonly hasPromptTiers: boolean
  }[]
}

export const api = {
  rateCards: async (): Promise<readonly RateCard[]> =>
    (await (await everybody()).get('/v1/rate-cards/current')).rateCards,
  plans: async (): Promise<readonly Plan[]> => {
    const { plans } = await (await everybody()).get('/v1/plans')
    return plans.map(({ plan, title, cents, creditCents }) => ({
      plan,
      title,
      cents: BigInt(cents),
      creditCents: BigInt(creditCents),
    }))
  },
  terms: async (): Promise<Terms> => {
    const { feeBps, payoutMinimumCents } = await (await everybody()).get('/v1/terms')
    return { feeBps, payoutMinimumCents: BigInt(payoutMinimumCents) }
  },
  signUp: async (body: { email: string; password: string; name: string }) =>
    (await personal()).post('/v1/sign-up', { body }),
  verifyEmail: async (body: {
    token: string
    password: string
    code?: string
    recoveryCode?: string
  }) => (await personal()).post('/v1/verify-email', { body }),
  signIn: async (body: Proof) => (await personal()).post('/v1/sign-in', { body }),
  signInByPasskey: async () => {
    const client = await personal()
    const json = await client.post('/v1/sign-in/passkey/options')
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
      json as unknown as PublicKeyCredentialRequestOptionsJSON,
    )
    const credential = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential
    return await client.post('/v1/sign-in/passkey', {
      body: { response: credential.toJSON() as SignedAnswer },
    })
  },
  /** Where somebody with this address signs in, at the provider of their organization. */
  ssoUrl: async (email: string) =>
    (await (await personal()).post('/v1/sso/sign-in', { body: { email } })).url,
  signOut: async () => (await personal()).post('/v1/sign-out'),
  account: async (): Promise<Account> => (await personal()).get('/v1/account'),
  askForPassword: async (email: string) =>
    (await personal()).post('/v1/password-reset', { body: { email } }),
  setPassword: async (token: string, password: string) =>
    (await personal()).post('/v1/password-reset/confirm', { body: { token, password } }),
}
