import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Which part of the address space an address is in, as far as it matters here. */
export type Reach = 'public' | 'loopback' | 'private' | 'forbidden'

type Range = readonly [network: string, prefix: number]

// IANA's registries of special-purpose addresses. What answers there answers to this machine, not to the internet.
const LOOPBACK: readonly Range[] = [
  ['127.0.0.0', 8],
  ['::1', 128],
]
const PRIVATE: readonly Range[] = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['fc00::', 7],
]
/** Link-local is where clouds keep their metadata; the rest names no single host, or hides another address. */
const FORBIDDEN: readonly Range[] = [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Amazon's metadata, within the private range of version 6; and the others' by its own address.
  ['fd00:ec2::', 32],
  ['100.100.100.200', 32],
  // Of version 6, beside loopback and private, only 2000::/3 is given to hosts.
  ['::', 128],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]
const GLOBAL_V6: Range = ['2000::', 3]

const lists = {
  loopback: listOf(LOOPBACK),
  private: listOf(PRIVATE),
  forbidden: listOf(FORBIDDEN),
  global: listOf([GLOBAL_V6]),
}

/** @param address of either version, as numbers */
export function reachOf(address: string): Reach {
  const plain = unmapped(address)
  if (!isIPv4(plain) && !isIPv6(plain)) return 'forbidden'
  const family = isIPv4(plain) ? 'ipv4' : 'ipv6'
  if (lists.forbidden.check(plain, family)) return 'forbidden'
  if (lists.loopback.check(plain, family)) return 'loopback'
  if (lists.private.check(plain, family)) return 'private'
  if (family === 'ipv6' && !lists.global.check(plain, family)) return 'forbidden'
  return 'public'
}

/** `::ffff:127.0.0.1`, in whichever form, is 127.0.0.1. */
function unmapped(address: string): string {
  if (!isIPv6(address)) return address
  const host = new URL(`http://[${address.split('%')[0] ?? ''}]/`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/u.exec(host) ?? []
  if (high === undefined || low === undefined) return host
  const bits = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return bits.flatMap((word) => [word >> 8, word & 0xff]).join('.')
}

function listOf(ranges: readonly Range[]): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of ranges) {
    list.addSubnet(network, prefix, isIPv4(network) ? 'ipv4' : 'ipv6')
  }
  return list
}
