import { createHash, randomBytes } from 'node:crypto'

const TOKEN_BYTES = 32
/** 32 bytes as base64url. */
const PATTERN = /^[\w-]{43}$/u

/** Who walks away for half a day signs in again. */
export const IDLE_MS = 12 * 3_600_000
/** And whoever took a session's token has it no longer than this, however busy they are. */
export const ABSOLUTE_MS = 30 * 86_400_000
/** How exactly the last use is known: not every request is a write. */
export const SEEN_EVERY_MS = 60_000

export interface NewToken {
  /** The only time that anybody sees it. */
  readonly token: string
  /** What is stored: SHA-256, for the token is random and there is no dictionary of it. */
  readonly hash: Uint8Array
}

export function newToken(): NewToken {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  return { token, hash: hashToken(token) }
}

/** Our own copy, for bytes that go to another thread. */
export const hashToken = (token: string): Uint8Array =>
  Uint8Array.from(createHash('sha256').update(token).digest())

/** Whether something looks like a token at all. */
export const isToken = (text: string): boolean => PATTERN.test(text)

export interface SessionTimes {
  /** Milliseconds since 1970, all of them. */
  readonly seenAt: number
  readonly expiresAt: number
  readonly revokedAt: number | null
}

export const isLive = ({ seenAt, expiresAt, revokedAt }: SessionTimes, now: number): boolean =>
  revokedAt === null && now < expiresAt && now < seenAt + IDLE_MS
