import { isIPv4, isIPv6 } from 'node:net'

/** How far away one may be and still dial an address. */
export type Scope = 'loopback' | 'private' | 'public'

const RANK: Readonly<Record<Scope, number>> = { loopback: 0, private: 1, public: 2 }

/** The scope of a multiaddress. A relayed address counts as that of its relay. */
export function scopeOf(address: string): Scope {
  const [, , host = ''] = address.split('/')
  return scopeOfHost(host)
}

/** The scope of a name or address of a machine. */
export function scopeOfHost(name: string): Scope {
  const host = name.toLowerCase().replace(/^\[|\]$/gu, '')
  if (isIPv4(host)) return scopeOfIp4(host)
  if (isIPv6(host)) return scopeOfIp6(host)
  if (host === 'localhost' || host.endsWith('.localhost')) return 'loopback'
  // Names that only answer at home (RFC 6762, RFC 8375).
  return /\.(?:local|home\.arpa|lan)$/u.test(host) ? 'private' : 'public'
}

/** The widest scope among addresses; `undefined` without any. */
export function widest(addresses: readonly string[]): Scope | undefined {
  return addresses
    .map(scopeOf)
    .reduce<Scope | undefined>(
      (wide, scope) => (wide === undefined || RANK[scope] > RANK[wide] ? scope : wide),
      undefined,
    )
}

export function isNarrower(a: Scope, b: Scope): boolean {
  return RANK[a] < RANK[b]
}

/** Whether an HTTP server on this host is only for this machine. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/** RFC 1918, 3927 and 6598; 0.0.0.0 listens everywhere. */
function scopeOfIp4(host: string): Scope {
  if (host.startsWith('127.')) return 'loopback'
  const isPrivate =
    /^(?:10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/u
  return isPrivate.test(host) ? 'private' : 'public'
}

/** RFC 4193 and 4291; :: listens everywhere. */
function scopeOfIp6(host: string): Scope {
  if (host === '::1') return 'loopback'
  return /^f[cd]|^fe[89ab]/u.test(host) ? 'private' : 'public'
}
