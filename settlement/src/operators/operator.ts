import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { PlatformRole } from '../access/roles.ts'

/** A person who runs the service, or a program that acts for one. */
export interface Operator {
  readonly id: string
  readonly name: string
  readonly role: PlatformRole
}

/** Whoever has the token in the data directory. One person, whoever they are. */
export const ROOT: Operator = { id: 'root', name: 'root', role: 'operator' }
/** What the service does of its own accord. No person: it decides nothing that needs two. */
export const SYSTEM: Operator = { id: 'system', name: 'the service', role: 'operator' }

/** `hanse_op_<prefix>_<secret>`: the prefix finds the operator, the secret is 256 random bits. */
const PATTERN = /^(hanse_op_[0-9a-f]{12})_[\w-]{43}$/u

export interface NewToken {
  /** The only time that anybody sees it. */
  readonly token: string
  readonly prefix: string
  readonly hash: Uint8Array
}

export function createOperatorToken(): NewToken {
  const prefix = `hanse_op_${randomBytes(6).toString('hex')}`
  const token = `${prefix}_${randomBytes(32).toString('base64url')}`
  return { token, prefix, hash: hashOf(token) }
}

/** The prefix of something that looks like an operator's token. */
export const tokenPrefix = (token: string): string | undefined => PATTERN.exec(token)?.[1]

/** In constant time. A fast hash is right here: the token is random, there is no dictionary of it. */
export const isToken = (token: string, hash: Uint8Array): boolean =>
  timingSafeEqual(hashOf(token), hash)

const hashOf = (token: string): Uint8Array => createHash('sha256').update(token).digest()
