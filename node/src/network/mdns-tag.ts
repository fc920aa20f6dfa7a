import { createHash } from 'node:crypto'

/** A name that only nodes of the same network ask for. Hashed, as a label holds 63 plain characters and says nothing more. */
export function mdnsTagOf(network: string): string {
  const digest = createHash('sha256').update(network).digest('hex')
  return `_hanse-${digest.slice(0, 16)}._udp.local`
}
