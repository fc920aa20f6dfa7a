/** Whether every address is on this machine or a private network, so that private addresses may be announced. */
export function isLan(addresses: readonly string[]): boolean {
  return addresses.every((address) =>
    /^\/(?:ip4\/(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.|ip6\/::1\/)/u.test(address),
  )
}
