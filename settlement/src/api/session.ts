import { randomUUID } from 'node:crypto'
import cookie, { type CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { SettlementContext } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import type { Factor, FoundSession } from '../people/session-store.ts'
import {
  ABSOLUTE_MS,
  hashToken,
  isLive,
  isToken,
  newToken,
  SEEN_EVERY_MS,
} from '../people/session-token.ts'

/** Who asks, with a session's cookie. */
export interface SignedIn {
  readonly person: string
  readonly session: string
  readonly factors: readonly Factor[]
  /** When they last proved who they are, milliseconds since 1970. */
  readonly authenticatedAt: number
  /** Whatever they do, the session ends then. */
  readonly expiresAt: number
  /** They have had the processing of their data restricted. */
  readonly isRestricted: boolean
}

/** What gives or takes the means of signing in wants a proof that is no older. */
export const FRESH_MS = 10 * 60_000
/** A browser's name of itself, as far as a person needs it to tell their sessions apart. */
const USER_AGENT_MAX = 200

const DECORATOR = 'sessionRules'
type SessionRules = Pick<SettlementContext, 'now' | 'publicUrl' | 'webOrigin'>

/** Makes `personOf` work for the routes of an app. */
export async function installSessions(app: FastifyInstance, rules: SessionRules): Promise<void> {
  await app.register(cookie)
  app.decorate(DECORATOR, rules)
}

/**
 * Whose session a request's cookie names; `undefined` without a session that is good.
 *
 * @throws {SettlementError} HANSE_ORIGIN for a change that a page of somebody else asks for
 */
export async function personOf(
  request: FastifyRequest,
  store: SettlementStore,
): Promise<SignedIn | undefined> {
  const session = await sessionOf(request, store)
  if (session === undefined) return undefined
  const { id, person, factors, authenticatedAt, expiresAt, isRestricted } = session
  return { person, session: id, factors, authenticatedAt, expiresAt, isRestricted }
}

async function sessionOf(
  request: FastifyRequest,
  store: SettlementStore,
): Promise<FoundSession | undefined> {
  const rules = rulesOf(request)
  const token = request.cookies[cookieName(rules)]
  if (token === undefined || !isToken(token)) return undefined
  if (!isSafe(request) && !isOwnPage(request, rules)) throw foreign()
  const session = await store.personSessionByHash(hashToken(token))
  const now = rules.now()
  if (session === undefined || !isLive(session, now)) return undefined
  if (now - session.seenAt >= SEEN_EVERY_MS) await store.seePersonSession(session.id, now)
  return session
}

/** @throws {SettlementError} HANSE_UNAUTHENTICATED, HANSE_ORIGIN */
export async function requirePerson(
  request: FastifyRequest,
  store: SettlementStore,
): Promise<SignedIn> {
  const signedIn = await personOf(request, store)
  if (signedIn !== undefined) return signedIn
  throw new SettlementError('HANSE_UNAUTHENTICATED', 'sign in first')
}

/**
 * For what is worth more than a session: its person must have proved lately who they are.
 *
 * @throws {SettlementError} HANSE_SIGN_IN_AGAIN
 */
export function requireFresh({ authenticatedAt }: SignedIn, now: number): void {
  if (now - authenticatedAt < FRESH_MS) return
  throw new SettlementError('HANSE_SIGN_IN_AGAIN', 'this needs a sign-in of the last ten minutes')
}

/**
 * Refuses what a page of somebody else sends, for routes that need no session: signing a person in unasked is an attack, too.
 * Programs that are no browser say neither where they come from nor that they are one.
 *
 * @throws {SettlementError} HANSE_ORIGIN
 */
export async function refuseForeignPages(request: FastifyRequest): Promise<void> {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (origin === undefined && site === undefined) return
  if (!isSafe(request) && !isOwnPage(request, rulesOf(request))) throw foreign()
}

export interface SessionStart {
  readonly person: string
  readonly factors: readonly Factor[]
  /** Where a session goes on under a new token: not later than it would have ended. */
  readonly continues?: Pick<SignedIn, 'session' | 'expiresAt' | 'authenticatedAt'>
}

/**
 * Signs a person in: a new token in the cookie. Whatever session the browser had ends, so that a token that somebody put
 * there, or has taken, is worth nothing afterwards.
 */
export async function startSession(
  request: FastifyRequest,
  reply: FastifyReply,
  store: SettlementStore,
  { person, factors, continues }: SessionStart,
): Promise<string> {
  const rules = rulesOf(request)
  const at = rules.now()
  const before = continues?.session ?? (await sessionOf(request, store))?.id
  const { token, hash } = newToken()
  const id = `ses_${randomUUID()}`
  const expiresAt = continues?.expiresAt ?? at + ABSOLUTE_MS
  await store.addPersonSession({
    id,
    hash,
    person,
    at,
    expiresAt,
    authenticatedAt: continues?.authenticatedAt ?? at,
    userAgent: request.headers['user-agent']?.slice(0, USER_AGENT_MAX) ?? null,
    factors,
    ...(before !== undefined && { replaces: before }),
  })
  reply.setCookie(cookieName(rules), token, {
    ...cookieOptions(rules),
    maxAge: Math.floor((expiresAt - at) / 1000),
  })
  return id
}

/** Takes the cookie out of the browser. */
export function clearSession(request: FastifyRequest, reply: FastifyReply): void {
  const rules = rulesOf(request)
  reply.clearCookie(cookieName(rules), cookieOptions(rules))
}

const isHttps = ({ publicUrl }: SessionRules): boolean => publicUrl().startsWith('https:')

/** With the prefix, no other host of the same domain can set it (RFC 6265bis, 4.1.3.2). */
export const cookieName = (rules: SessionRules): string =>
  isHttps(rules) ? '__Host-hanse_session' : 'hanse_session'

const cookieOptions = (rules: SessionRules): CookieSerializeOptions => ({
  httpOnly: true,
  sameSite: 'lax',
  secure: isHttps(rules),
  path: '/',
})

const rulesOf = (request: FastifyRequest): SessionRules =>
  request.server.getDecorator<SessionRules>(DECORATOR)

const isSafe = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD'

/** Our own pages, and those of the origin that the operator named; `none` is a person who typed an address. */
function isOwnPage({ headers }: FastifyRequest, { publicUrl, webOrigin }: SessionRules): boolean {
  const site = headers['sec-fetch-site']
  if (site === 'same-origin' || site === 'none') return true
  const { origin } = headers
  return origin !== undefined && (origin === new URL(publicUrl()).origin || origin === webOrigin)
}

const foreign = () =>
  new SettlementError('HANSE_ORIGIN', 'this page may not act for whoever is signed in')
