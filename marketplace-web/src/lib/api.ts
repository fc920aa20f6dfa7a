import { siteConfig } from './site-config.ts'

/** The settlement service's own requests of this site, in one place: a generated client can take it over. */

/** An answer that is not a success: the service's stable code, or why there was none. */
export class ApiFault extends Error {
  readonly code: string
  /** 0 without an answer. */
  readonly status: number
  readonly retryAfterSeconds: number | undefined

  constructor(code: string, status: number, detail: string, retryAfterSeconds?: number) {
    super(detail)
    this.code = code
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export type SignedIn = { readonly person: string; readonly factors: readonly string[] }
export type Account = { readonly email: string; readonly name: string }
export type Proof = {
  readonly email: string
  readonly password: string
  readonly code?: string
  readonly recoveryCode?: string
}
export type Plan = {
  readonly plan: string
  readonly title: string
  readonly cents: bigint
  readonly creditCents: bigint
}
export type Terms = { readonly feeBps: number; readonly payoutMinimumCents: bigint }

export const api = {
  plans: async (): Promise<readonly Plan[]> => {
    const { plans } = await open<{
      plans: readonly { plan: string; title: string; cents: string; creditCents: string }[]
    }>('/v1/plans')
    return plans.map(({ plan, title, cents, creditCents }) => ({
      plan,
      title,
      cents: BigInt(cents),
      creditCents: BigInt(creditCents),
    }))
  },
  terms: async (): Promise<Terms> => {
    const { feeBps, payoutMinimumCents } = await open<{
      feeBps: number
      payoutMinimumCents: string
    }>('/v1/terms')
    return { feeBps, payoutMinimumCents: BigInt(payoutMinimumCents) }
  },
  signUp: (body: { email: string; password: string; name: string }) => post('/v1/sign-up', body),
  verifyEmail: (body: { token: string; password: string; code?: string; recoveryCode?: string }) =>
    post<SignedIn>('/v1/verify-email', body),
  signIn: (proof: Proof) => post<SignedIn>('/v1/sign-in', proof),
  signInByPasskey: async (): Promise<SignedIn> => {
    const json = await post<PublicKeyCredentialRequestOptionsJSON>('/v1/sign-in/passkey/options')
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json)
    const credential = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential
    return await post<SignedIn>('/v1/sign-in/passkey', { response: credential.toJSON() })
  },
  signOut: () => post('/v1/sign-out'),
  account: () => send<Account>('/v1/account', { credentials: 'include' }),
  askForPassword: (email: string) => post('/v1/password-reset', { email }),
  setPassword: (token: string, password: string) =>
    post('/v1/password-reset/confirm', { token, password }),
}

/** What everybody may read: without a cookie, so that any site may show it. */
const open = <Answer>(path: string): Promise<Answer> => send<Answer>(path, { credentials: 'omit' })

const post = <Answer>(path: string, body?: unknown): Promise<Answer> =>
  send<Answer>(path, {
    method: 'POST',
    credentials: 'include',
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  })

/** A password is hashed for a moment, and a mail is not waited for; longer is a fault. */
const answerWithinMs = 15_000

async function send<Answer>(path: string, init: RequestInit): Promise<Answer> {
  let response: Response
  try {
    const { settlementUrl } = await siteConfig()
    response = await fetch(settlementUrl + path, {
      ...init,
      signal: AbortSignal.timeout(answerWithinMs),
    })
  } catch (cause) {
    throw new ApiFault('UNREACHABLE', 0, cause instanceof Error ? cause.message : String(cause))
  }
  const answer: unknown = await response.json().catch(() => undefined)
  if (response.ok) return answer as Answer
  const { code, detail } = (answer ?? {}) as { code?: unknown; detail?: unknown }
  const wait = Number(response.headers.get('retry-after') ?? Number.NaN)
  throw new ApiFault(
    typeof code === 'string' ? code : 'UNREACHABLE',
    response.status,
    typeof detail === 'string' ? detail : `HTTP ${response.status}`,
    Number.isFinite(wait) ? wait : undefined,
  )
}
