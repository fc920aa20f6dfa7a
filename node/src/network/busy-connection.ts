import type { Connection } from '@libp2p/interface'

/** What libp2p itself speaks on every connection, asked for or not. */
const UPKEEP = ['/hanse/ping/', '/hanse/id/', '/hanse/autonat/', '/libp2p/dcutr']

/** Whether the connection carries anything but upkeep. */
export function isBusy(connection: Connection): boolean {
  return connection.streams.some(
    ({ protocol }) => protocol === '' || !UPKEEP.some((prefix) => protocol.startsWith(prefix)),
  )
}
