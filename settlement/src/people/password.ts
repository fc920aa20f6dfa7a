import { randomBytes } from 'node:crypto'
import { hash, type Options, verify } from '@node-rs/argon2'
import { SettlementError } from '../errors.ts'
import { COMMON_PASSWORDS } from './common-passwords.ts'

/** Argon2id as OWASP's Password Storage Cheat Sheet has it: 19 MiB, two passes, one lane. The library's kind is Argon2id. */
const COST: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** In characters. Length is what makes a password hard to guess (NIST SP 800-63B-4, 3.1.1.2); rules of composition do not. */
export const PASSWORD_MIN = 12
export const PASSWORD_MAX = 128

/** A new password as it is hashed. @throws {SettlementError} HANSE_PASSWORD_WEAK */
export function checkPassword(password: string, email: string): void {
  const normal = normalized(password)
  const { length } = Array.from(normal)
  if (length < PASSWORD_MIN || length > PASSWORD_MAX) {
    throw weak(`a password has ${PASSWORD_MIN} to ${PASSWORD_MAX} characters`)
  }
  if (isGuessable(normal.toLowerCase(), email)) throw weak('everybody would guess this password')
}

export const hashPassword = (password: string): Promise<string> => hash(normalized(password), COST)

/**
 * Whether it is the password. Without a hash the answer is no, after as much work: so nobody learns from the time it took
 * whether there is an account.
 */
export async function isPassword(stored: string | null, password: string): Promise<boolean> {
  const matches = await verify(stored ?? (await nobodysHash()), normalized(password))
  return matches && stored !== null
}

let nobodys: Promise<string> | undefined
function nobodysHash(): Promise<string> {
  nobodys ??= hashPassword(randomBytes(32).toString('base64url'))
  return nobodys
}

/** The same password typed on another keyboard gives the same bytes. */
const normalized = (password: string): string => password.normalize('NFKC')

/** Known by everybody, one piece repeated, or the address of the account. */
function isGuessable(password: string, email: string): boolean {
  const bare = password.replace(/[^\p{L}\p{N}]/gu, '')
  return (
    COMMON_PASSWORDS.has(bare) ||
    /^(.{1,4})\1+$/u.test(password) ||
    password === email ||
    bare === email.replace(/[^\p{L}\p{N}]/gu, '')
  )
}

const weak = (message: string) => new SettlementError('HANSE_PASSWORD_WEAK', message)
