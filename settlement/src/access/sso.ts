import { timingSafeEqual } from 'node:crypto'
import { resolveTxt } from 'node:dns/promises'
import * as oidc from 'openid-client'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { hashToken, newToken } from '../people/session-token.ts'
import { isLoopbackHost, openIssuer } from './issuer.ts'
import { openSecret } from './sso-secret.ts'
import type { SsoConnection, SsoDomain } from './sso-store.ts'

/** Long enough to find the phone with the second factor. */
export const SIGN_IN_MS = 10 * 60_000

type Context = Pick<SettlementContext, 'store' | 'now' | 'signer' | 'publicUrl' | 'resolveTxt'>

export const isLocalService = ({ publicUrl }: Pick<SettlementContext, 'publicUrl'>): boolean =>
  isLoopbackHost(new URL(publicUrl()).hostname)

/** An address of its own for each organization: an answer of one issuer is never taken for another's (RFC 9700, 4.4). */
export const callbackUrl = ({ publicUrl }: Context, organization: string): string =>
  `${publicUrl()}/v1/sso/callback/${organization}`

export const openConnection = (
  context: Context,
  { organization, issuer, clientId, secretSealed }: SsoConnection,
): Promise<oidc.Configuration> =>
  openIssuer({
    issuer,
    clientId,
    secret: openSecret(context.signer, organization, secretSealed),
    isLoopbackAllowed: isLocalService(context),
  })

/**
 * Begins a sign-in.
 *
 * @returns where the browser goes, and what it must bring back in a cookie
 * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_SSO_UNAVAILABLE
 */
export async function beginSignIn(
  context: Context,
  organization: string,
): Promise<{ url: string; browser: string }> {
  const { store, now } = context
  const connection = await store.ssoConnection(organization)
  if (connection === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no sign-in here')
  const config = await openConnection(context, connection)
  const state = newToken()
  const browser = newToken()
  const nonce = oidc.randomNonce()
  const verifier = oidc.randomPKCECodeVerifier()
  const at = now()
  const { issuer, clientId } = connection
  const expiresAt = at + SIGN_IN_MS
  const row = { organization, issuer, clientId, nonce, verifier, expiresAt }
  await store.addSsoSignIn({ ...row, state: state.hash, browser: browser.hash }, at)
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: callbackUrl(context, organization),
    scope: 'openid email profile',
    state: state.token,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  return { url: url.href, browser: browser.token }
}

export interface ReturnFromIssuer {
  readonly organization: string
  /** That the browser came to. */
  readonly url: URL
  /** Its cookie. */
  readonly browser: string
}

/** A sign-in that was begun here, as its issuer may end it. */
export interface BegunSignIn {
  readonly connection: SsoConnection
  readonly nonce: string
  readonly verifier: string
  readonly state: string
}

/**
 * Which sign-in a browser comes back from, once.
 *
 * @throws {SettlementError} HANSE_SSO_FAILED
 */
export async function takeSignIn(
  { store, now }: Context,
  given: ReturnFromIssuer,
): Promise<BegunSignIn> {
  const state = given.url.searchParams.get('state') ?? ''
  const begun = await store.takeSsoSignIn(hashToken(state))
  const connection = await store.ssoConnection(given.organization)
  const isSame =
    begun !== undefined &&
    connection !== undefined &&
    begun.organization === given.organization &&
    begun.issuer === connection.issuer &&
    begun.clientId === connection.clientId &&
    timingSafeEqual(begun.browser, hashToken(given.browser)) &&
    now() < begun.expiresAt
  if (!isSame) throw failed('this sign-in was not begun here, or is too old')
  const { nonce, verifier } = begun
  return { connection, nonce, verifier, state }
}

/**
 * Ends a sign-in.
 *
 * @returns the person, who is a member now
 * @throws {SettlementError} HANSE_SSO_FAILED, HANSE_SSO_UNAVAILABLE
 */
export async function finishSignIn(
  context: Context,
  begun: BegunSignIn,
  url: URL,
): Promise<{ person: string; isNew: boolean }> {
  const { store, now } = context
  const { organization, issuer } = begun.connection
  const config = await openConnection(context, begun.connection)
  const { subject, email, name } = await claimsOf(config, url, begun)
  const admitted = await store.admitBySso({ organization, issuer, subject, email, name, at: now() })
  if (admitted.outcome === 'in') return admitted
  throw failed(REFUSALS[admitted.outcome])
}

const REFUSALS = {
  foreign: 'the address is not of a domain that the organization has proven',
  conflict: 'the account is shut, or the address was another’s',
  removed: 'the organization has let this person go',
  limit: 'the organization is full',
} as const

interface Claims {
  readonly subject: string
  readonly email: string
  readonly name: string
}

/** The library checks signature, issuer, audience, times, nonce, state and the verifier of the code. */
async function claimsOf(
  config: oidc.Configuration,
  url: URL,
  begun: { readonly nonce: string; readonly verifier: string; readonly state: string },
): Promise<Claims> {
  try {
    const tokens = await oidc.authorizationCodeGrant(config, url, {
      expectedNonce: begun.nonce,
      expectedState: begun.state,
      pkceCodeVerifier: begun.verifier,
      idTokenExpected: true,
    })
    const claims = tokens.claims()
    if (claims === undefined) throw failed('no id token')
    const told =
      claims.email === undefined
        ? await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
        : claims
    return readClaims(claims.sub, told)
  } catch (error) {
    if (error instanceof SettlementError) throw error
    throw new SettlementError('HANSE_SSO_FAILED', 'the issuer did not confirm who this is', {
      cause: error,
    })
  }
}

/** Some issuers say nothing on whether they know the address to be right: its domain's owner runs them. */
function readClaims(subject: string, told: Readonly<Record<string, unknown>>): Claims {
  const { email, email_verified: isVerified, name } = told
  if (typeof email !== 'string' || !/^[^\s@]{1,64}@[^\s@]{1,189}$/u.test(email)) {
    throw failed('the issuer tells no address')
  }
  if (isVerified === false) throw failed('the issuer does not know the address to be right')
  const shown = typeof name === 'string' ? name.slice(0, NAME_MAX) : ''
  return { subject, email: email.toLowerCase(), name: shown }
}
const NAME_MAX = 200

const failed = (why: string) => new SettlementError('HANSE_SSO_FAILED', why)

/** Where a domain's owner publishes what, as a TXT record. */
export const recordOf = ({ domain, token }: Pick<SsoDomain, 'domain' | 'token'>) => ({
  name: `_hanse-verification.${domain}`,
  value: `hanse-verification=${token}`,
})

/** @throws {SettlementError} HANSE_DOMAIN_UNPROVEN */
export async function checkRecord(context: Context, domain: SsoDomain): Promise<void> {
  const { name, value } = recordOf(domain)
  const ask = context.resolveTxt ?? resolveTxt
  // A name that is not there is an error of the resolver, too.
  const records = await ask(name).catch((): string[][] => [])
  if (records.some((parts) => parts.join('') === value)) return
  throw new SettlementError('HANSE_DOMAIN_UNPROVEN', `no TXT record ${name} with ${value}`)
}
