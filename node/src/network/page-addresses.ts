import type { Multiaddr } from '@multiformats/multiaddr'

export interface PageAddressRules {
  /** Addresses of this machine and of private networks are dialed. */
  readonly lan: boolean
  /** The page came over https: its browser opens no unencrypted WebSocket but to its own machine. */
  readonly secure: boolean
}

// RFC 6890 lists the blocks that are not routed on the internet. A page is no tool to look into its visitor's network, so
// in doubt an address is private: of IPv6, all that begins with zeros, IPv4 in another form among it.
const LOOPBACK = /^(?:127\.|::1$|localhost$)/iu
const PRIVATE =
  /^(?:0\.|10\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|127\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|192\.168\.|::|0*:|f[cd]|fe[89ab]|localhost$|.*\.(?:local|localhost|internal)$)/iu

/** What the first component of an address may be, of which a host is the value. */
const HOSTS: ReadonlySet<string> = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6', 'dnsaddr'])

/** Whether a page has no business dialing an address, or cannot. */
export function isDenied(address: Multiaddr, { lan, secure }: PageAddressRules): boolean {
  const components = address.getComponents()
  const host = components.find(({ name }) => HOSTS.has(name))?.value ?? ''
  if (!lan && PRIVATE.test(host)) return true
  // A relay that is connected already is used, whichever of its addresses is in the way to its guest.
  if (components.some(({ name }) => name === 'p2p-circuit')) return false
  const isEncrypted = components.some(({ name }) => name === 'tls' || name === 'wss')
  const isWebSocket = components.some(({ name }) => name === 'ws' || name === 'wss')
  return isWebSocket && secure && !isEncrypted && !LOOPBACK.test(host)
}
