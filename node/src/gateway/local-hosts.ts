import { isIP } from 'node:net'
import { hostname } from 'node:os'

/** Endings of names that no public DNS server answers for (RFC 6761, RFC 6762, ICANN's `.internal`). */
const PRIVATE_ENDINGS = ['.localhost', '.local', '.internal'] as const

/**
 * Whether the Host of a request names this machine and nobody else's. A page of a stranger may have its own name point at
 * loopback once it was loaded (DNS rebinding); its requests come from this machine, but bear that name.
 *
 * @param authority of the `host` header, with or without a port
 */
export function isLocalHost(authority: string | undefined): boolean {
  if (authority === undefined) return false
  const { hostname: name } = URL.parse(`http://${authority}`) ?? { hostname: '' }
  const bare = name.replaceAll(/^\[|\]$/gu, '')
  if (isIP(bare) !== 0 || bare === 'localhost' || bare === hostname().toLowerCase()) return true
  return PRIVATE_ENDINGS.some((ending) => bare.endsWith(ending))
}
