import { isIPv6 } from 'node:net'
import { z } from 'zod'
import type { SessionRow } from './session-store.ts'

export type { Factor } from './session-store.ts'
export type PersonSession = SessionRow

export interface Person {
  readonly id: string
  /** In lower case. */
  readonly email: string
  readonly name: string
  /** Argon2id; null for whoever signs in otherwise. */
  readonly passwordHash: string | null
  readonly isVerified: boolean
  readonly isDisabled: boolean
  /** Whether a password alone does not sign them in. */
  readonly hasTotp: boolean
}

/** RFC 5321, 4.5.3.1. */
const EMAIL_MAX = 254

/** An address as it is stored and compared. */
export const emailAddress = z
  .string()
  .max(EMAIL_MAX)
  .transform((text) => text.trim().toLowerCase())
  .pipe(z.email())

/**
 * What stands for one customer of an access provider, who has a whole /64 of IPv6 and changes within it at will.
 *
 * @param address as Node writes the peer of a socket
 */
export function networkOf(address: string): string {
  const bare = address.replace(/^::ffff:(?=\d+\.)/iu, '').replace(/%.*$/u, '')
  if (!isIPv6(bare)) return bare
  const [head = '', tail = ''] = bare.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  const groups = bare.includes('::') ? [...before, ...zeros, ...after] : before
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
