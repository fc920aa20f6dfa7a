import { BlockList, isIP } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

/** How far an address reaches: from anywhere, through a relay, from the same network, from this machine alone. */
export type AddressKind = 'public' | 'relayed' | 'private' | 'loopback'

// RFC 6890 lists the blocks that are not routed on the internet.
const LOOPBACK = blockList(['127.0.0.0/8', '::1/128'])
const PRIVATE = blockList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::/128',
  'fc00::/7',
  'fe80::/10',
])

/** What the multiaddress starts with: where its bytes are sent first. `undefined` for names and other transports. */
export function ipOf(address: Multiaddr): string | undefined {
  const first = address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')
  return first?.value
}

export function isRelayed(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'p2p-circuit')
}

/** The peer id of the relay that an address goes through, empty where it does not say; `undefined` without a relay. */
export function relayOf(address: Multiaddr): string | undefined {
  const components = address.getComponents()
  const circuit = components.findIndex(({ name }) => name === 'p2p-circuit')
  if (circuit < 0) return undefined
  return components.slice(0, circuit).findLast(({ name }) => name === 'p2p')?.value ?? ''
}

function isWebSocket(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'ws' || name === 'wss')
}

export function kindOf(address: Multiaddr): AddressKind {
  if (isRelayed(address)) return 'relayed'
  const ip = ipOf(address)
  return ip === undefined ? 'public' : kindOfIp(ip)
}

export function kindOfIp(ip: string): 'public' | 'private' | 'loopback' {
  if (contains(LOOPBACK, ip)) return 'loopback'
  return contains(PRIVATE, ip) ? 'private' : 'public'
}

/**
 * Addresses as an offer lists them, which holds sixteen: what everybody can dial comes first, so that it is never
 * what falls off the end.
 */
export function announceOrder(addresses: readonly string[]): string[] {
  return ordered(addresses, ['public', 'relayed', 'private', 'loopback'])
}

/**
 * Compares two addresses for a dial, which tries one after the other. A private address of a stranger is most likely
 * nobody's here and costs a time-out; in a LAN it is the shortest way. A WebSocket wraps and masks every write, so that it
 * is for pages, and for whoever can be reached by nothing else.
 */
export function dialOrder(lan: boolean): (one: Multiaddr, other: Multiaddr) => -1 | 0 | 1 {
  const kinds: readonly AddressKind[] = lan
    ? ['private', 'loopback', 'public', 'relayed']
    : ['public', 'relayed', 'private', 'loopback']
  return (one, other) => {
    const difference =
      kinds.indexOf(kindOf(one)) - kinds.indexOf(kindOf(other)) ||
      Number(isWebSocket(one)) - Number(isWebSocket(other))
    return difference === 0 ? 0 : difference < 0 ? -1 : 1
  }
}

/** IP addresses and CIDR blocks. @throws {Error} that names the one that is neither */
export function blockList(items: readonly string[]): BlockList {
  const list = new BlockList()
  for (const item of items) {
    const [ip = '', bits, ...more] = item.split('/')
    const version = isIP(ip)
    const most = version === 4 ? 32 : 128
    const prefix = bits === undefined ? most : Number(bits)
    const isPrefix = bits === undefined || /^\d{1,3}$/u.test(bits)
    if (version === 0 || !isPrefix || prefix > most || more.length > 0)
      throw new Error(`${item} is neither an IP address nor a block such as 203.0.113.0/24`)
    list.addSubnet(ip, prefix, version === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

export function contains(list: BlockList, ip: string): boolean {
  const version = isIP(ip)
  return version !== 0 && list.check(ip, version === 4 ? 'ipv4' : 'ipv6')
}

/** What one owner has: an IPv4 address, or a block of 64 bits of IPv6, of which every home gets at least one. */
export function ownerOf(ip: string): string {
  if (isIP(ip) !== 6) return ip
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/iu.exec(ip)
  if (mapped?.[1] !== undefined) return mapped[1]
  const [head = '', tail] = ip.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length
  const groups = [...front, ...Array.from({ length: zeros }, () => '0'), ...back]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

function ordered(addresses: readonly string[], kinds: readonly AddressKind[]): string[] {
  const rank = (address: string): number => kinds.indexOf(kindOf(multiaddr(address)))
  return addresses.toSorted((one, other) => rank(one) - rank(other))
}
